"""The result table of a run, from the files its stages left."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fbnet.errors import BadInput
from stages import records
from stages.lock_file import require_current_export
from stages.results import Results

if TYPE_CHECKING:
    from rich.table import Table

COLUMNS = {
    "params": ("parameters", "{:,.0f}"),
    "macs": ("MACs", "{:,.0f}"),
    "size_kb": ("size KB", "{:.0f}"),
    "latency_ms": ("latency ms", "{:.3f}"),
    "nme": ("NME", "{:.2%}"),
    "fr_08": ("FR 0.08", "{:.2%}"),
    "fr_10": ("FR 0.10", "{:.2%}"),
    "auc_08": ("AUC 0.08", "{:.3f}"),
    "auc_10": ("AUC 0.10", "{:.3f}"),
}
"""Metric name -> heading and format."""


def headline(results: Results) -> list[dict[str, Any]]:
    """Rows of the table: the searched subnet, and the mean face as the floor of sense.

    Raises BadInput naming the first results file that is missing or of another net.
    """
    exported, timed = (results.require(results.metrics(stage)) for stage in ("export", "bench"))
    results.require(results.latencies)
    require_current_export(results)
    if not records.timed(results):
        raise BadInput(
            f"{results.latencies}: of another net than {results.trained}; run `dvc repro bench`"
        )
    figures = records.figures(exported, "nme", "mean_face_nme") | records.figures(timed)
    subnet = {name: figures[name] for name in COLUMNS if name in figures}
    floor = {"model": "mean face", "nme": figures["mean_face_nme"]}
    return [{"model": "searched subnet", **subnet}, floor]


VARIANT_COLUMNS = {
    "engine": ("engine", "{}"),
    "precision": ("weights", "{}"),
    "size_kb": ("size KB", "{:.0f}"),
    "latency_ms": ("latency ms", "{:.3f}"),
    "ratio": ("against ONNX", "{:.2f}x"),
    "nme": ("NME", "{:.2%}"),
}
"""Column of bench's variants.csv -> heading and format."""


def timed_files(results: Results) -> list[dict[str, Any]]:
    """The exported files that bench timed: `variant` and the columns of VARIANT_COLUMNS."""
    numbers = [name for name, (_, form) in VARIANT_COLUMNS.items() if form != "{}"]
    texts = ["variant", *(name for name in VARIANT_COLUMNS if name not in numbers)]
    return records.rows(results.require(results.timed_variants), numbers, texts)


def print_table(results: Results) -> None:
    """Print the architecture, the table of `headline`, and the exported files' table."""
    from rich.console import Console

    from fbnet.files import read_json

    console = Console(width=None if Console().is_terminal else 120)
    choice = records.choice(results)
    files = timed_files(results)
    rows = [
        [
            row["model"],
            *(form.format(row[k]) if k in row else "" for k, (_, form) in COLUMNS.items()),
        ]
        for row in headline(results)
    ]
    headings = ["model", *(heading for heading, _ in COLUMNS.values())]
    caption = "architecture: " + " | ".join(choice)
    threads = read_json(results.latencies).get("protocol", {}).get("file_threads")
    title = "Test faces" + (f", {threads} thread{'s' * (threads > 1)}" if threads else "")
    console.print(_table(title, headings, rows, caption))
    variants = [
        [row["variant"], *(form.format(row[k]) for k, (_, form) in VARIANT_COLUMNS.items())]
        for row in files
    ]
    headings = ["file", *(heading for heading, _ in VARIANT_COLUMNS.values())]
    console.print(_table("Exported files", headings, variants))


def _table(
    title: str, headings: Sequence[str], rows: Sequence[Sequence[str]], caption: str = ""
) -> "Table":
    """A table whose first column is text."""
    from rich.table import Table

    table = Table(title=title, caption=caption or None)
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="right" if place else "left")
    for row in rows:
        table.add_row(*row)
    return table
