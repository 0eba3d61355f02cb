"""The result table of a run, from the files its stages left."""

from pathlib import Path
from typing import Any

from fbnet.files import read_json

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


def headline(results: Path) -> list[dict[str, Any]]:
    """Rows of the table: the searched subnet, and the mean face as the floor of sense.

    Raises BadInput naming the first results file that is missing.
    """
    figures = read_json(results / "export/metrics.json") | read_json(results / "bench/metrics.json")
    subnet = {name: figures[name] for name in COLUMNS if name in figures}
    floor = {"model": "mean face", "nme": figures["mean_face_nme"]}
    return [{"model": "searched subnet", **subnet}, floor]


def print_table(results: Path) -> None:
    """Print the architecture and the table of `headline`."""
    from rich.console import Console
    from rich.table import Table

    choice = read_json(results / "retrain/architecture.json")["choice"]
    table = Table(title="Test faces, one thread", caption="architecture: " + " | ".join(choice))
    table.add_column("model")
    for heading, _ in COLUMNS.values():
        table.add_column(heading, justify="right")
    for row in headline(results):
        cells = [form.format(row[k]) if k in row else "" for k, (_, form) in COLUMNS.items()]
        table.add_row(row["model"], *cells)
    Console(width=None if Console().is_terminal else 120).print(table)
