"""The report of a run, from results/ alone."""

from pathlib import Path
from typing import Any

from fbnet.files import read_csv, read_json
from stages.page import charts
from stages.page.architecture import cost_maps, layers
from stages.page.faces import spread_and_worst
from stages.page.page import render
from stages.page.tables import as_texts, baselines, filled
from stages.table import COLUMNS, VARIANT_COLUMNS, headline

HEADINGS = [heading for heading, _ in COLUMNS.values()]
TILES = ("nme", "latency_ms", "size_kb", "macs", "params")
PARTS = {"nme_region": "part of the face", "nme_yaw": "head turn"}


def report(results: Path, faces: int = 12, worst: int = 12, beside: Path | None = None) -> str:
    """The page as HTML. `beside`: table.json of a benchmark, shown where there is one.

    Equal results give equal bytes. Raises BadInput naming the first results file that is missing.
    """
    rows = headline(results)
    shown, failed = spread_and_worst(results, faces, worst)
    return render(
        "report.html.j2",
        headings=HEADINGS,
        tiles=_tiles(rows[0]),
        rows=[(row["model"], as_texts(row)) for row in rows],
        beside=_beside(baselines(beside)),
        counts=read_json(results / "fetch/metrics.json"),
        layers=layers(results),
        probabilities=charts.probabilities(results),
        search=read_json(results / "search/metrics.json"),
        cost_maps=cost_maps(results),
        training=charts.training(results),
        ced=charts.error_distribution(results),
        parts=_parts(results),
        prediction=charts.prediction(results),
        bench=read_json(results / "bench/metrics.json"),
        variants=_variants(results),
        faces=shown,
        worst=failed,
    )


def _beside(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """A benchmark's rows without the columns that none of them fills."""
    kept = filled(HEADINGS, [row["figures"] for row in rows])
    return {
        "headings": [HEADINGS[i] for i in kept],
        "rows": [(row["model"], row["texts"], [row["figures"][i] for i in kept]) for row in rows],
    }


def _tiles(row: dict[str, Any]) -> list[tuple[str, str]]:
    return [(COLUMNS[k][0], COLUMNS[k][1].format(row[k])) for k in TILES if k in row]


def _variants(results: Path) -> dict[str, Any]:
    """The exported files: name and figures of each."""
    return {
        "headings": [heading for heading, _ in VARIANT_COLUMNS.values()],
        "rows": [
            (row["variant"], [form(row[name]) for name, (_, form) in VARIANT_COLUMNS.items()])
            for row in read_csv(results / "bench/variants.csv")
        ],
    }


def _parts(results: Path) -> list[tuple[str, list[tuple[str, float]]]]:
    """NME by part of the face and by head turn, as far as the export stage left them."""
    figures = read_json(results / "export/details.json")
    return [
        (title, [(_readable(name), value) for name, value in figures[key].items()])
        for key, title in PARTS.items()
        if key in figures
    ]


def _readable(name: str) -> str:
    """`yaw_0_15` as degrees; other names as they are."""
    low, _, high = name.removeprefix("yaw_").partition("_")
    return f"{low} to {high} degrees" if name.startswith("yaw_") else name
