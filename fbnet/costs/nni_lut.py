"""Reads NNI's tables: `lut.txt`, measured on a device, and `lut.npy`, without its pickles."""

import ast
import io
import math
import pickle
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fbnet.costs.lut import Lut, check_cost, missing_entry
from fbnet.errors import BadInput, listed
from fbnet.files import number, read_bytes, read_lines
from fbnet.nets.pfld import Slot

Shape = tuple[int, int, int, int, int]
"""(input_w, input_h, C_in, C_out, stride), as NNI writes it."""
DTYPES = ("float", "float32", "fp32")
"""Types of the records that are read: NNI's `float`, and what others call it."""
LARGEST_COST = 1e15
"""Beyond it a number is no latency of anything, in whatever unit."""
LARGEST_TABLE = 8 * 2**20
"""Bytes that a table may have."""


def from_nni_txt(
    path: str | Path, slots: Sequence[Slot], unit: str = "us", fixed: float = 0.0
) -> Lut:
    """Read `lut.txt`: one record a line, latency in `unit`.

    A record is {'op_name': str, 'op_data_shape': (input_w, input_h, C_in, C_out, stride),
    'op_dtype': 'float', 'op_latency': number}. Records of other types are passed over, and
    counted where an entry is missing. NNI
    knows no fixed part, so `fixed` comes from elsewhere. Raises BadInput naming the line.
    """
    lines = read_lines(path, LARGEST_TABLE)
    records = (
        (f"{path}:{n}", _literal(line, f"{path}:{n}"))
        for n, line in enumerate(lines, 1)
        if line.strip()
    )
    return Lut(unit, _from_records(records, slots, path), fixed, str(path))


def from_nni_npy(
    path: str | Path, slots: Sequence[Slot], unit: str = "us", fixed: float = 0.0
) -> Lut:
    """Read `lut.npy`: an object array of one {block: cost} a layer, or of records as in lut.txt.

    Its pickle is decoded by a reader that knows numpy's array wrapping and plain values only; it
    calls nothing. Raises BadInput for anything else.
    """
    items = _object_array(path)
    if items and all(isinstance(item, dict) and "op_name" in item for item in items):
        records = ((f"{path}: record {n}", item) for n, item in enumerate(items))
        return Lut(unit, _from_records(records, slots, path), fixed, str(path))
    if len(items) != len(slots):
        raise BadInput(f"{path}: {len(items)} layers, the space has {len(slots)}")
    layers = tuple(
        _from_layer(item, slot, i, path)
        for i, (item, slot) in enumerate(zip(items, slots, strict=True))
    )
    return Lut(unit, layers, fixed, str(path))


def _literal(line: str, where: str) -> Any:
    try:
        return ast.literal_eval(line.strip())
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        raise BadInput(f"{where}: not a record; see the format of NNI's lut.txt") from None


def _from_records(
    records: Iterable[tuple[str, Any]], slots: Sequence[Slot], path: str | Path
) -> tuple[dict[str, float], ...]:
    entries: dict[tuple[str, Shape], tuple[float, str]] = {}
    faults: list[str] = []
    others: Counter[str] = Counter()
    for where, record in records:
        try:
            name, shape, dtype, cost = _fields(record, where)
            if dtype not in DTYPES:
                others[dtype] += 1
                continue
            check_cost(cost, name, where)
            known, before = entries.setdefault((name, shape), (cost, where))
            if known != cost:
                faults.append(
                    f"{where}: block {name} at {shape} costs {cost}, but {known} at {before}"
                )
        except BadInput as fault:
            faults.append(str(fault))
    costs: list[dict[str, float]] = []
    for i, slot in enumerate(slots):
        missing = [b for b in slot.blocks if (b, _shape(slot)) not in entries]
        if missing and others:
            counts = ", ".join(f"{count} of op_dtype {name!r}" for name, count in others.items())
            faults.append(f"{path}: passed over: {counts}; only {', '.join(DTYPES)} is read")
            others.clear()
        faults += [str(missing_entry(path, i, block, slot)) for block in missing]
        measured = [b for b in slot.blocks if b not in missing]
        costs.append({block: entries[block, _shape(slot)][0] for block in measured})
    if faults:
        raise listed(faults)
    return tuple(costs)


def _shape(slot: Slot) -> Shape:
    return slot.size, slot.size, slot.c_in, slot.c_out, slot.stride


def _fields(record: Any, where: str) -> tuple[str, Shape, str, float]:
    try:
        name, dtype = str(record["op_name"]), str(record["op_dtype"])
        w, h, c_in, c_out, stride = (int(n) for n in record["op_data_shape"])
        cost = record["op_latency"]
        cost = number(cost, where) if isinstance(cost, str) and "," in cost else float(cost)
    except BadInput:
        raise
    except (KeyError, TypeError, ValueError, IndexError, OverflowError):
        raise BadInput(
            f"{where}: a record needs op_name, op_data_shape (5 integers), op_dtype, op_latency"
        ) from None
    return name, (w, h, c_in, c_out, stride), dtype, cost


def _from_layer(item: Any, slot: Slot, i: int, path: str | Path) -> dict[str, float]:
    if not isinstance(item, dict):
        raise BadInput(f"{path}: layer {i}: holds no {{block: cost}}")
    for block in slot.blocks:
        if block not in item:
            raise missing_entry(path, i, block, slot)
        if not isinstance(item[block], int | float) or abs(item[block]) > LARGEST_COST:
            raise BadInput(f"{path}: layer {i}, block {block}: cost is not a number, or no cost")
    return {block: float(item[block]) for block in slot.blocks}


def _object_array(path: str | Path) -> list[Any]:
    stream = io.BytesIO(read_bytes(path, LARGEST_TABLE))
    try:
        shape, dtype = _npy_header(stream)
    except ValueError:
        raise BadInput(f"{path}: not a .npy file") from None
    if dtype != np.dtype(object):
        raise BadInput(f"{path}: holds {dtype}, not the objects of NNI's lut.npy")
    try:
        array = _PlainUnpickler(stream, encoding="latin1").load()
    except Exception as error:  # a hostile stream can raise anything; nothing in it is called
        raise BadInput(f"{path}: refused, holds more than plain values ({error})") from None
    if not isinstance(array, _Array) or len(array.items) != math.prod(shape):
        raise BadInput(f"{path}: its content does not match its header")
    return array.items


def _npy_header(stream: io.BytesIO) -> tuple[tuple[int, ...], np.dtype]:
    version = np.lib.format.read_magic(stream)
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in readers:
        raise ValueError(version)
    shape, _, dtype = readers[version](stream)
    return shape, dtype


class _Array:
    """Stands in for numpy.ndarray: keeps the items that its pickled state lists."""

    def __init__(self) -> None:
        self.items: list[Any] = []

    def __setstate__(self, state: Any) -> None:
        _version, _shape, _dtype, _fortran, items = state
        if not isinstance(items, list):
            raise pickle.UnpicklingError("an array of raw bytes")
        self.items = items


class _Dtype:
    """Stands in for numpy.dtype: keeps its code, such as `f8`."""

    def __init__(self, code: str, *_: Any) -> None:
        self.code = code

    def __setstate__(self, state: Any) -> None:
        """Byte order and the like; all platforms of interest are little-endian."""


def _reconstruct(*_: Any) -> _Array:
    return _Array()


def _scalar(dtype: _Dtype, raw: bytes | str) -> float:
    if dtype.code not in ("f8", "f4", "i8", "i4"):
        raise pickle.UnpicklingError(f"a scalar of type {dtype.code}")
    data = raw.encode("latin1") if isinstance(raw, str) else raw
    return np.frombuffer(data, dtype.code, 1)[0].item()


def _encode(text: str, encoding: str) -> bytes:
    return text.encode("latin1")


STAND_INS: dict[tuple[str, str], Any] = {
    (f"numpy.{core}.multiarray", name): stand_in
    for core in ("core", "_core")
    for name, stand_in in (("_reconstruct", _reconstruct), ("scalar", _scalar))
}
STAND_INS |= {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): _encode,
}


class _PlainUnpickler(pickle.Unpickler):
    """Knows the stand-ins above; every other name in the stream is refused."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in STAND_INS:
            raise pickle.UnpicklingError(f"{module}.{name}")
        return STAND_INS[module, name]
