"""The comparison as a page: figures of each method, and regret against compute."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.core import DOCS, Summary
from benchmarks.core.ledger import Ledger
from benchmarks.core.page import percent, picture, table
from benchmarks.nas_table import FACES
from benchmarks.nas_table.query import PATH, Table
from benchmarks.search_methods import PLAN, Plan, plots
from fbnet.errors import BadInput

PAGE = DOCS / "search_methods.md"
NONE = "Not known yet: the table of trained nets has too few nets with two seeds."


def summary(ledger: Ledger, plan: Plan = PLAN, path: Path = PATH) -> Summary:
    """Figures, table and picture from the trained nets and from what supernets scored."""
    from benchmarks.search_methods.compare import compare

    try:
        nets = Table.load(path=path)
    except BadInput:
        nets = Table([])
    records = ledger.results("supernet/*")
    verdicts = compare(nets, records, plan, FACES["synthetic"]["points"]) if nets.trainings else {}
    figures = {name: verdict.figures(plan) for name, verdict in verdicts.items()}
    known = table(knowledge_row(name, record) for name, record in records.items())
    if not figures:
        return Summary({}, {PAGE: {"methods": NONE, "compute": "", "knowledge": known}})
    rows = [method_row(name, each) for name, each in figures.items()]
    shown = picture(ledger.folder / "regret.png", PAGE, "Regret against core-seconds")
    sections = {"methods": table(rows), "compute": shown, "knowledge": known}
    return Summary(figures, {PAGE: sections}, {"regret.png": partial(plots.regret, figures)})


def method_row(name: str, figures: Mapping[str, Any]) -> dict[str, str]:
    """A method in words."""
    tau = figures["tau"]
    return {
        "method": name,
        "core-seconds": _number(figures["spent"], "{:.0f}"),
        "regret, seed sd (median)": _number(figures["regret"], "{:.2f}"),
        "within one seed sd": _number(figures["within_one_sd"], "{:.0%}"),
        "beats random search": _number(figures["beats_random"], "{:.0%}"),
        "tau within bands": "{:.2f} [{:.2f}, {:.2f}]".format(*tau) if tau else "",
    }


def knowledge_row(name: str, record: Mapping[str, Any]) -> dict[str, str]:
    """What a supernet knows when its architecture parameters begin to learn, and at the end."""
    variant, _, seed = name.partition("/")[2].rpartition("-")
    return {
        "supernet": f"{variant}, seed {seed}",
        "uniformly drawn nets when the architecture begins": percent(record["uniform_nme"]),
        "mean face": percent(record["mean_face_nme"]),
        "the table's nets at the end": percent(fmean(record["nme"].values())),
        "core-seconds": f"{record['search_seconds']:.0f}",
    }


def _number(value: float | None, form: str) -> str:
    return "" if value is None else form.format(value)
