"""Tables of the report: the net layer by layer, the LUT, exported files, and other nets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fbnet.files import read_json
from stages import records
from stages.results import Results
from stages.table import COLUMNS, VARIANT_COLUMNS, headline, timed_files

HEADINGS = [heading for heading, _ in COLUMNS.values()]
ERROR_GROUPS = {"nme_region": "part of the face", "nme_yaw": "head turn", "nme_subset": "subset"}
BESIDE = ("model", "data", "recipe")
"""Texts of a row of other nets, before its figures."""
BESIDE_HEADINGS = {name: heading for name, (heading, _) in COLUMNS.items()} | {
    "data": "faces",
    "latency_ms": "latency",
}
THIS_RUN = "this run"
RENDERED = "rendered"
WORDS = {
    "searched net of the benchmark": "found by an earlier search; it is not the net of this run",
    "lite": "a public PFLD net like MobileNet-V1",
    "mobilenetv3": "the public MobileNetV3-PFLD",
    RENDERED: "by this project; the benchmark's by its default params",
    "photographs": "1,207 photographed faces of AFW and HELEN, five folds",
    "one": "every net trained from scratch in one way",
    "best": "twice the epochs and smooth Wing; for photographs from weights of rendered faces",
    "taught": "as best, with lite as the teacher",
}
"""What the words in a benchmark's rows mean."""


@dataclass(frozen=True)
class Layer:
    """A part of the net and its costs."""

    name: str
    block: str
    shape: str
    """Channels and side of its output, or the number of landmarks."""
    macs: float
    ms: float
    share: float = 0.0
    """Of the costliest part's time, 0 to 1: the length of its bar."""


@dataclass(frozen=True)
class CostMap:
    """Blocks by layers. A cell is (text, heat 0..1, chosen or not), None where not offered."""

    title: str
    layers: int
    rows: list[tuple[str, list[tuple[str, float, bool] | None]]]


def layers(results: Results) -> list[Layer]:
    """The searchable layers of the trained net and its fixed parts, with their costs."""
    choice, macs, latency = _choice_and_luts(results)
    parts = []
    for i, (block, at, timed) in enumerate(
        zip(choice, macs["layers"], latency["layers"], strict=True)
    ):
        side = -(-at["size"] // at["stride"])
        shape = f"{at['c_out']} at {side} x {side}"
        costs = at["blocks"][block]["macs"], timed["blocks"][block]["median"]
        parts.append(Layer(f"layer {i}", block, shape, *costs))
    block, shape = "stem, first block and head", f"{macs['points']} points"
    costs = macs["fixed"]["macs"], latency["fixed"]["median"]
    parts.append(Layer("fixed", block, shape, *costs))
    most = max(part.ms for part in parts)
    return [replace(part, share=part.ms / most if most else 0.0) for part in parts]


def cost_maps(results: Results) -> list[CostMap]:
    """Both LUTs, the chosen blocks marked."""
    choice, macs, latency = _choice_and_luts(results)
    engine = latency.get("engine", "device")
    return [
        _cost_map(f"microseconds ({engine})", choice, latency, "median", 1e3),
        _cost_map("thousand MACs", choice, macs, "macs", 1e-3),
    ]


def _cost_map(title: str, choice: Sequence[str], table: Any, key: str, scale: float) -> CostMap:
    costs = [
        {name: entry[key] * scale for name, entry in layer["blocks"].items()}
        for layer in table["layers"]
    ]
    most = max(value for layer in costs for value in layer.values()) or 1.0

    def cell(value: float, chosen: bool) -> tuple[str, float, bool]:
        text = f"{value:.0f}" if value >= 100 else f"{value:.3g}"
        return text, round(value / most, 3), chosen

    rows = [
        (
            block,
            [
                cell(layer[block], block == chosen) if block in layer else None
                for layer, chosen in zip(costs, choice, strict=True)
            ],
        )
        for block in dict.fromkeys(block for layer in costs for block in layer)
    ]
    return CostMap(title, len(costs), rows)


def _choice_and_luts(results: Results) -> tuple[list[str], Any, Any]:
    choice = records.choice(results)
    return choice, records.costs(results, "macs"), records.costs(results, "latency")


def variants(results: Results) -> dict[str, Any]:
    """The exported files: name and figures of each."""
    return {
        "headings": [heading for heading, _ in VARIANT_COLUMNS.values()],
        "rows": [
            (row["variant"], [f.format(row[name]) for name, (_, f) in VARIANT_COLUMNS.items()])
            for row in timed_files(results)
        ],
    }


def errors_by_group(results: Results) -> list[tuple[str, list[tuple[str, float]]]]:
    """NME by part of the face and by head turn, as far as the export stage wrote them."""
    figures = records.groups(results.details("export"))
    return [
        (title, [(_group_name(name), value) for name, value in figures[key].items()])
        for key, title in ERROR_GROUPS.items()
        if figures.get(key)
    ]


def _group_name(name: str) -> str:
    """`yaw_0_15` as degrees; other names as they are."""
    low, _, high = name.removeprefix("yaw_").partition("_")
    return f"{low} to {high} degrees" if name.startswith("yaw_") else name


def as_texts(row: Mapping[str, Any]) -> list[str]:
    """The figures of a row in the order of `stages.table.COLUMNS`; "" where it has none."""
    return [form.format(row[name]) if name in row else "" for name, (_, form) in COLUMNS.items()]


def movable(results: Results) -> dict[str, float]:
    """What the search can move, in microseconds by the latency table.

    `fixed` is the same in every net (stem, first block, head); `low` and `high` are the searchable
    layers of the cheapest and of the costliest net, `chosen` those of the trained one.
    """
    choice, _, latency = _choice_and_luts(results)
    costs = [[entry["median"] for entry in at["blocks"].values()] for at in latency["layers"]]
    chosen = (
        at["blocks"][name]["median"] for at, name in zip(latency["layers"], choice, strict=True)
    )
    parts = {
        "fixed": latency["fixed"]["median"],
        "low": sum(map(min, costs)),
        "high": sum(map(max, costs)),
        "chosen": sum(chosen),
    }
    return {name: 1e3 * value for name, value in parts.items()}


def setting(timed: Mapping[str, Any]) -> str:
    """How a timing was taken: engine, threads, faces in a call, processor, as far as it says."""
    protocol = timed.get("protocol", {})
    threads, batch = protocol.get("threads"), protocol.get("batch", 1)
    parts = [str(timed.get("engine", "a device"))]
    parts += [f"{threads} thread{'s' * (threads != 1)}"] if threads else []
    parts += ["one face a call" if batch == 1 else f"{batch} faces a call"]
    return ", ".join(parts) + (f", {timed['cpu']}" if "cpu" in timed else "")


def beside(results: Results, path: Path | None) -> dict[str, Any] | None:
    """Rows of a benchmark (`model`, `data`, `recipe` and figures) below one of this run.

    None without a file. Columns that no row fills are left out. Latencies of the benchmark belong
    to its own machine: they are given as ratios to one of its nets where it has that. Raises
    BadInput for a file that holds no such rows.
    """
    if path is None or not path.exists():
        return None
    nets = records.other_nets(path)
    faces = records.face_meta(results)
    kind = RENDERED if faces["layout"] == "synthetic" else f"own ({faces['layout']})"
    counts = records.figures(results.metrics("fetch"), "test")
    data = f"{kind}, {counts['test']:.0f} for test"
    own = {"model": THIS_RUN, "data": data, "recipe": "this run's params"}
    rows = [own | _figures_beside(headline(results)[0])]
    for row in nets:
        model = "searched net of the benchmark" if row["model"] == "subnet" else row["model"]
        texts = {name: str(row.get(name, "")) for name in BESIDE[1:]}
        rows.append({"model": model} | texts | _figures_beside(row, there=True))
    columns = [name for name in rows[0] if name in BESIDE or any(row[name] for row in rows)]
    machine = path.with_name("latency.json")
    timed = read_json(machine) if machine.exists() else {}
    timed = timed if isinstance(timed, dict) else {}
    timed = timed["result"] if isinstance(timed.get("result"), dict) else timed
    words = {row[name] for row in rows for name in BESIDE}
    return {
        "headings": [BESIDE_HEADINGS.get(name, name) for name in columns],
        "texts": len([name for name in columns if name in BESIDE]),
        "rows": [[row[name] for name in columns] for row in rows],
        "source": path.as_posix(),
        "machine": timed.get("cpu", "another machine"),
        "words": [(word, text) for word, text in WORDS.items() if word in words],
    }


def _figures_beside(row: Mapping[str, Any], there: bool = False) -> dict[str, str]:
    """The figures of a row as texts, "" where it has none; latency with where it was measured."""
    known = {name: row[name] for name in COLUMNS if isinstance(row.get(name), int | float)}
    texts = dict(zip(COLUMNS, as_texts(known), strict=True))
    if "nme" in known and isinstance(row.get("nme_std"), int | float):
        texts["nme"] = f"{row['nme']:.2%} ± {row['nme_std']:.2%}"
    if texts["latency_ms"]:
        engines = row.get("latency")
        timed = engines.get("onnxruntime", {}) if isinstance(engines, dict) else {}
        ratio = f"{timed['to_lite']:.2f} of lite's, " if "to_lite" in timed else ""
        texts["latency_ms"] = f"{ratio}{texts['latency_ms']} ms {'there' if there else 'here'}"
    return texts
