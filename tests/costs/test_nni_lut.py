import os
import pickle
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fbnet.costs.lut import cost_of
from fbnet.costs.nni_lut import from_nni_npy, from_nni_txt
from fbnet.errors import BadInput
from fbnet.nets.pfld import slots
from fbnet.params import NNI_SPACE

SLOTS = slots(NNI_SPACE)
FIRST = tuple(ops[0] for ops in NNI_SPACE.layer_ops)


def records() -> list[dict[str, Any]]:
    """NNI's lut.txt: a record for every block and shape, each of another cost."""
    shapes = dict.fromkeys(
        (block, (s.size, s.size, s.c_in, s.c_out, s.stride)) for s in SLOTS for block in s.blocks
    )
    return [
        {"op_name": block, "op_data_shape": shape, "op_dtype": "float", "op_latency": 10.5 + n}
        for n, (block, shape) in enumerate(shapes)
    ]


def layers() -> list[dict[str, float]]:
    """NNI's lut.npy: one {block: cost} a layer."""
    return [{b: 1.0 + 10 * i + j for j, b in enumerate(s.blocks)} for i, s in enumerate(SLOTS)]


def write_txt(path: Path, lines: list[Any]) -> Path:
    path.write_text("\n".join(str(line) for line in lines) + "\n")
    return path


def test_a_table_measured_on_a_device(tmp_path: Path) -> None:
    lut = from_nni_txt(write_txt(tmp_path / "lut.txt", records()), SLOTS, fixed=7.0)
    assert len(records()) == 27
    assert lut.layers[0] == lut.layers[1]
    assert list(lut.layers[0].values()) == [10.5 + n for n in range(9)]
    assert list(lut.layers[4].values()) == [28.5 + n for n in range(9)]
    assert cost_of(lut, FIRST) == 7.0 + 10.5 + 10.5 + 19.5 + 28.5 + 28.5


def test_blank_lines_and_other_types_are_passed_over(tmp_path: Path) -> None:
    half = records()[0] | {"op_dtype": "half", "op_latency": -1}
    path = write_txt(tmp_path / "lut.txt", ["", half, *records(), records()[0]])
    assert from_nni_txt(path, SLOTS).layers[0][FIRST[0]] == 10.5


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({"op_latency": -2.0}, r"lut\.txt:3, block mb_k3_res_d3: cost -2\.0"),
        ({"op_latency": 0}, r"lut\.txt:3, block mb_k3_res_d3: cost 0"),
        ({"op_latency": "nan"}, r"lut\.txt:3, block mb_k3_res_d3: cost nan"),
        ({"op_latency": None}, r"lut\.txt:3: a record needs op_name"),
        ({"op_latency": 10**400}, r"lut\.txt:3: a record needs op_name"),
        ({"op_data_shape": (14, 14, 32)}, r"lut\.txt:3: a record needs op_name"),
        ({"op_name": "mb_k3_res"}, r"lut\.txt:3: block mb_k3_res at .* costs 12\.5, but 10\.5"),
        ({"op_name": "other"}, r"layer 0: no entry for block mb_k3_res_d3 at 14x14, 32 -> 32"),
    ],
)
def test_faulty_records_are_named_with_their_line(
    line: dict[str, Any], message: str, tmp_path: Path
) -> None:
    rows = records()
    rows[2] |= line
    with pytest.raises(BadInput, match=message):
        from_nni_txt(write_txt(tmp_path / "lut.txt", rows), SLOTS)


@pytest.mark.parametrize("dtype", ["float32", "fp32"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_other_names_of_float_and_other_encodings(
    dtype: str, encoding: str, tmp_path: Path
) -> None:
    rows = [record | {"op_dtype": dtype} for record in records()]
    rows[0]["op_latency"] = "10,5"
    text = "\r\n".join(map(str, rows))
    (tmp_path / "lut.txt").write_bytes(text.encode(encoding))
    assert from_nni_txt(tmp_path / "lut.txt", SLOTS).layers[0][FIRST[0]] == 10.5


def test_records_of_other_types_are_counted_where_one_is_missing(tmp_path: Path) -> None:
    rows = [record | {"op_dtype": "half"} for record in records()]
    with pytest.raises(BadInput, match="passed over: 27 of op_dtype 'half'"):
        from_nni_txt(write_txt(tmp_path / "lut.txt", rows), SLOTS)


@pytest.mark.parametrize("line", ["{", "3", "[1]", "__import__('os').getcwd()", "(" * 500, "{1}"])
def test_lines_that_are_no_records(line: str, tmp_path: Path) -> None:
    path = write_txt(tmp_path / "lut.txt", [records()[0], line])
    with pytest.raises(BadInput, match=r"lut\.txt:2: "):
        from_nni_txt(path, SLOTS)


def test_files_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "lut.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInput, match="not a text file"):
        from_nni_txt(tmp_path / "lut.txt", SLOTS)
    with pytest.raises(BadInput, match="no such file"):
        from_nni_txt(tmp_path / "none.txt", SLOTS)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("number", [float, np.float64, np.float32, np.int64])
def test_nnis_numpy_table(number: type, protocol: int, tmp_path: Path) -> None:
    array = np.array([{b: number(c) for b, c in layer.items()} for layer in layers()])
    path = tmp_path / "lut.npy"
    with path.open("wb") as stream:
        header = {"descr": "|O", "fortran_order": False, "shape": array.shape}
        np.lib.format.write_array_header_1_0(stream, header)
        pickle.dump(array, stream, protocol=protocol)
    assert list(from_nni_npy(path, SLOTS).layers) == layers()


def test_what_np_save_writes(tmp_path: Path) -> None:
    np.save(tmp_path / "lut.npy", np.array(layers()), allow_pickle=True)
    assert list(from_nni_npy(tmp_path / "lut.npy", SLOTS).layers) == layers()
    np.save(tmp_path / "lut.npy", np.array(records()), allow_pickle=True)
    assert from_nni_npy(tmp_path / "lut.npy", SLOTS).layers[0][FIRST[0]] == 10.5


class Malicious:
    """Makes a folder when unpickled."""

    def __init__(self, marker: Path, call: Any = os.mkdir) -> None:
        self.marker, self.call = marker, call

    def __reduce__(self) -> tuple[Any, ...]:
        if self.call is eval:
            return eval, (f"__import__('os').mkdir({str(self.marker)!r})",)
        if self.call is subprocess.check_call:
            return subprocess.check_call, (["mkdir", str(self.marker)],)
        return self.call, (str(self.marker),)


@pytest.mark.parametrize("call", [os.mkdir, eval, subprocess.check_call])
@pytest.mark.parametrize("inside", [True, False])
def test_a_malicious_table_runs_nothing(call: Any, inside: bool, tmp_path: Path) -> None:
    marker, path = tmp_path / "executed", tmp_path / "lut.npy"
    evil = Malicious(marker, call)
    array = np.array([{"mb_k3_res": evil}] if inside else [evil], dtype=object)
    np.save(path, array, allow_pickle=True)
    with pytest.raises(BadInput, match="refused, holds more than plain values"):
        from_nni_npy(path, SLOTS)
    assert not marker.exists()
    # The same file, read as NNI reads it, does execute: the test can fail.
    np.load(path, allow_pickle=True)
    assert marker.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (np.zeros(3), "holds float64"),
        (np.array([{}, {}]), "2 layers, the space has 5"),
        (np.array([1, 2, 3, 4, "x"], dtype=object), "layer 0: holds no {block: cost}"),
        (np.array([{}] * 5), "layer 0: no entry for block mb_k3_res at 14x14"),
        (np.array([dict.fromkeys(s.blocks, "fast") for s in SLOTS]), "cost is not a number"),
        (np.array([dict.fromkeys(s.blocks, 10**400) for s in SLOTS]), "cost is not a number"),
        (np.array([dict.fromkeys(s.blocks, 0.0) for s in SLOTS]), "layer 0, block mb_k3_res: cost"),
    ],
)
def test_other_arrays_are_refused(content: np.ndarray, message: str, tmp_path: Path) -> None:
    np.save(tmp_path / "lut.npy", content, allow_pickle=True)
    with pytest.raises(BadInput, match=message):
        from_nni_npy(tmp_path / "lut.npy", SLOTS)


@pytest.mark.parametrize("cut", [0, 5, 20, 140, -1])
def test_truncated_files_are_refused(cut: int, tmp_path: Path) -> None:
    path = tmp_path / "lut.npy"
    np.save(path, np.array(layers()), allow_pickle=True)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(BadInput, match=r"lut\.npy: "):
        from_nni_npy(path, SLOTS)
