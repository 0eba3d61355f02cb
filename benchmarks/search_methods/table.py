"""The comparison as a page: figures of each method, and regret against compute."""

from collections.abc import Mapping, Sequence
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
        empty = {"nets": "", "methods": NONE, "compute": "", "knowledge": known}
        return Summary({}, {PAGE: empty})
    rows = [method_row(name, each) for name, each in figures.items()]
    shown = picture(ledger.folder / "regret.png", PAGE, "Regret against core-seconds")
    sections = {
        "nets": nets_line(nets, plan), "methods": table(rows), "compute": shown, "knowledge": known
    }  # fmt: skip
    return Summary(figures, {PAGE: sections}, {"regret.png": partial(plots.regret, figures)})


def nets_line(nets: Table, plan: Plan) -> str:
    """How many nets a band holds, and what training all of them takes."""
    from benchmarks.search_methods.compare import bands_of, exhausted

    bands = bands_of(nets, plan)
    counts = sorted(len(choices) for choices in bands.values())
    seconds = sorted(round(exhausted(nets, choices)) for choices in bands.values())
    size = f"{counts[0]}" if counts[0] == counts[-1] else f"{counts[0]} to {counts[-1]}"
    return (
        f"{len(bands)} bands, of {size} nets; one training of each takes "
        f"{seconds[0]:,} to {seconds[-1]:,} core-seconds."
    )


def method_row(name: str, figures: Mapping[str, Any]) -> dict[str, str]:
    """A method in words."""
    return {
        "method": name,
        "core-seconds": _number(figures["spent"], "{:.0f}"),
        "regret, seed sd (median)": _number(figures["regret"], "{:.2f}"),
        "within one seed sd": _number(figures["within_one_sd"], "{:.0%}"),
        "beats random search": _number(figures["beats_random"], "{:.0%}"),
        "tau within bands": _interval(figures["tau"]),
        "tau given MACs": _interval(figures["given_macs"]),
    }


def knowledge_row(name: str, record: Mapping[str, Any]) -> dict[str, str]:
    """What a supernet knows when its architecture parameters begin to learn, and at the end."""
    variant, _, seed = name.partition("/")[2].rpartition("-")
    return {
        "supernet": f"{variant}, seed {seed}",
        "uniformly drawn nets when the architecture begins": percent(record["uniform_nme"]),
        "mean face": percent(record["mean_face_nme"]),
        "the table's nets at the end": percent(fmean(record["nme"].values())),
        "architecture steps": f"{record['architecture_steps']:,}",
        "signal of one, first and last": ", ".join(f"{each:.2f}" for each in record["signal"]),
        "core-seconds": f"{record['search_seconds']:.0f}",
    }


def _interval(values: Sequence[float] | None) -> str:
    return "{:.2f} [{:.2f}, {:.2f}]".format(*values) if values else ""


def _number(value: float | None, form: str) -> str:
    return "" if value is None else form.format(value)
