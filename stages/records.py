"""What stages left in results/, read with types: for the table, the report, the card and MLflow.

Everything here raises BadInput that names the file and the key, or the line and the column, of a
value that no stage writes; `numbers` and `history`, for MLflow, take what is there.
"""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from fbnet.errors import BadInput
from fbnet.faces.faceset import LARGEST_META
from fbnet.files import csv_rows, number, read_json, validated
from stages.params import leaves
from stages.results import Results

STEP_COLUMNS = ("epoch", "step")
Finite = int | Annotated[float, Field(allow_inf_nan=False)]


class _Record(BaseModel):
    """A file's object: the keys that are read, others as they are."""

    model_config = ConfigDict(extra="allow", allow_inf_nan=False)


FIGURE = {"macs": "macs", "latency": "median"}
"""Cost -> the key of an entry's figure in its table."""


class _Cost(_Record):
    macs: Finite | None = None
    median: Finite | None = None


class _Layer(_Record):
    size: int = Field(1, ge=1)
    stride: int = Field(1, ge=1)
    c_out: int = Field(1, ge=1)
    blocks: dict[str, _Cost] = Field(min_length=1)


class _Table(_Record):
    layers: list[_Layer] = Field(min_length=1)
    fixed: _Cost
    points: int = 0
    engine: str = "device"
    protocol: dict[str, Any] = {}


class _Net(_Record):
    predicted_ms: Finite
    median: Finite


class _Latencies(_Record):
    nets: list[_Net] = Field(min_length=1)
    engine: str = "onnxruntime"
    protocol: dict[str, Any] = {}


class _Meta(_Record):
    layout: str
    source: str = ""
    crop_scale: Finite = 1.2


def figures(path: Path, *needed: str) -> dict[str, float]:
    """The numbers of a metrics.json by name, those `needed` among them."""
    read = validated(dict[str, Finite], read_json(path), str(path))
    for name in needed:
        if name not in read:
            raise BadInput(f"{path}: {name} is missing; run its stage again")
    return read


def groups(path: Path) -> dict[str, dict[str, float]]:
    """The objects of numbers in a details.json by name; what else it holds is left out."""
    read = validated(dict[str, Any], read_json(path), str(path))
    objects = {name: value for name, value in read.items() if isinstance(value, dict)}
    plain = {n: v for n, v in objects.items() if not any(isinstance(x, dict) for x in v.values())}
    return {n: validated(dict[str, Finite], v, f"{path}: {n}") for n, v in plain.items()}


def choice(results: Results) -> list[str]:
    """Block of each searchable layer of the net that was trained."""
    blocks: list[str] = results.architecture(results.trained)["choice"]
    return blocks


def costs(results: Results, cost: str) -> dict[str, Any]:
    """The table of a cost, macs or latency; it offers each block of the trained net."""
    path = results.lut(cost)
    table = validated(_Table, read_json(path), str(path)).model_dump()
    chosen = choice(results)
    layers = table["layers"] = table["layers"][: len(chosen)]  # it may serve larger spaces
    if len(layers) != len(chosen) or any(
        block not in layer["blocks"] for block, layer in zip(chosen, layers, strict=True)
    ):
        raise BadInput(f"{path}: not of the space of {results.trained}; run the stages again")
    entries = [table["fixed"], *(entry for layer in layers for entry in layer["blocks"].values())]
    if any(entry[FIGURE[cost]] is None for entry in entries):
        raise BadInput(f"{path}: {FIGURE[cost]} is missing; run stage lut again")
    return table


def latencies(results: Results) -> dict[str, Any]:
    """Whole nets as they were timed: see the bench stage."""
    path = results.latencies
    return validated(_Latencies, read_json(path), str(path)).model_dump()


def other_nets(path: Path) -> list[dict[str, Any]]:
    """Rows of a table of other nets, each with its `model`. Raises BadInput for another file."""
    nets = read_json(path)
    if not isinstance(nets, list) or not all(isinstance(r, dict) and "model" in r for r in nets):
        raise BadInput(
            f"{path}: must be a list of rows that name their `model`, as `python "
            "-m benchmarks.headline table` writes it"
        )
    return nets


def timed(results: Results) -> bool:
    """Whether bench timed the net that was trained: a clone has figures of the published run."""
    if not (results.latencies.exists() and results.trained.exists()):
        return False
    return bool(latencies(results)["nets"][0].get("choice") == choice(results))


def face_meta(results: Results) -> dict[str, Any]:
    """What meta.json says of the faces: layout, source, crop_scale."""
    path = results.faces / "meta.json"
    return validated(_Meta, read_json(path, LARGEST_META), str(path)).model_dump()


def rows(
    path: Path, figures: Sequence[str], texts: Sequence[str] = (), optional: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Rows of a CSV file: the columns `figures` as numbers, `texts` as they are.

    optional: columns of numbers that may be missing, and whose cells may be empty: None.
    """
    read = []
    for where, row in csv_rows(path):
        for name in (*figures, *texts):
            if name not in row:
                raise BadInput(f"{path}:1: no column {name}; run its stage again")
        values: dict[str, Any] = {name: row[name] for name in texts}
        for name in (*figures, *optional):
            empty = name in optional and not row.get(name)
            values[name] = None if empty else number(row[name], f"{where}: {name}")
        read.append(values)
    if not read:
        raise BadInput(f"{path}: holds no row; run its stage again")
    return read


def numbers(results: Results, stage: str) -> dict[str, float]:
    """Numbers of the stage's metrics and details, nested ones as `outer.inner`; {} without both."""
    paths = results.metrics(stage), results.details(stage)
    values = {k: v for path in paths if path.exists() for k, v in leaves(read_json(path))}
    return {k: float(v) for k, v in values.items() if type(v) in (int, float)}


def history(results: Results, stage: str) -> Iterator[tuple[int, dict[str, float]]]:
    """(step, figures) of each row of the stage's history; nothing without the file."""
    path = results.history(stage)
    if not path.exists():
        return
    with open(path, newline="") as stream:
        for index, row in enumerate(csv.DictReader(stream)):
            cells = {name: _number(text) for name, text in row.items()}
            figures = {name: value for name, value in cells.items() if value is not None}
            step = next((figures.pop(name) for name in STEP_COLUMNS if name in figures), index)
            yield int(step), figures


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None
