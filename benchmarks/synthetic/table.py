"""The tables of docs/synthetic.md: trials that chose, trials that are final, and the rate."""

from collections.abc import Mapping, Sequence
from statistics import fmean, stdev
from typing import Any

from benchmarks.core import DOCS, Summary
from benchmarks.core.ledger import Ledger
from benchmarks.core.page import table
from benchmarks.synthetic import BANDS, Trial, read_trials

SHOWN = ("nme", "median", "fr_10", "contour", "brows", "eyes", "nose", "mouth")
TRAINED = ("start", "faces", "epochs", "seed")
"""How the net of a trial was trained; only trials trained alike are compared."""
SCORED = ("nme", "median", "fr_10", *BANDS)
"""Columns of the photographs that chose nothing."""

Done = tuple[Trial, Mapping[str, Any]]
"""A trial and its result."""


def summary(ledger: Ledger) -> Summary:
    """All tables, from the trials that are recorded, in the order of trials.csv."""
    results = ledger.results()
    done = [(t, results[t.record]) for t in read_trials() if t.record in results]
    choosing = [(t, result) for t, result in done if t.part == "choosing"]
    final = [(t, result) for t, result in done if t.part == "final"]
    sections = {
        "choosing": table(_choosing(trial, choosing) for trial in choosing),
        "final": table(_final(*trial) for trial in final),
        "seeds": seeds(final),
    }
    if "rate" in results:
        sections["rate"] = rate(results["rate"])
    figures = [vars(trial) | result for trial, result in done]
    return Summary(figures, {DOCS / "synthetic.md": sections})


def _choosing(done: Done, others: Sequence[Done]) -> dict[str, str]:
    """A trial that chose, with the change of NME in points of a per cent against its rival."""
    trial, result = done
    against = ""
    for other, its in others:
        same = all(getattr(other, name) == getattr(trial, name) for name in TRAINED)
        if same and other.name == trial.against and its["points"] == result["points"]:
            against = f"{100 * (result['nme'] - its['nme']):+.2f} ({trial.against})"
            break
    return {
        "change": trial.name,
        "set": f"`{trial.set}`",
        **_trained(trial),
        "NME %": _percent(result["nme"]),
        "against": against,
        "kept": trial.kept,
        **{name: _percent(result[name]) for name in SHOWN[1:]},
    }


def _final(trial: Trial, result: Mapping[str, Any]) -> dict[str, str]:
    return {
        "rendered": trial.name,
        "points": str(result["points"]),
        **_trained(trial),
        "photographs": str(result["photographs"]),
        "NME %": _percent(result["nme"]),
        **{name: _percent(result.get(name)) for name in SCORED[1:]},
    }


def seeds(final: Sequence[Done]) -> str:
    """Means over seeds on the photographs that chose nothing, of trials with several."""
    groups: dict[tuple[str, ...], list[Done]] = {}
    for trial, result in final:
        trained = tuple(_trained(trial).values())[:-1]
        key = trial.name, str(result["points"]), *trained
        groups.setdefault(key, []).append((trial, result))
    rows = []
    for key, group in groups.items():
        if len(group) > 1:
            results = [result for _, result in group]
            means = {name: _percent(fmean(r[name] for r in results)) for name in SCORED}
            row = dict(zip(("rendered", "points", *TRAINED[:-1]), key, strict=True))
            row |= {"seeds": str(len(group)), "NME %": means.pop("nme")}
            row["its spread"] = _percent(stdev(result["nme"] for result in results))
            rows.append(row | means)
    return table(rows)


def rate(figures: Mapping[str, Any]) -> str:
    """Images a second, share of the time by part, peak memory."""
    memory = ", ".join(f"{peak} MB for {n} images" for n, peak in figures["peak_mb"].items())
    shares = ({"part": p, "share of the time": f"{s:.1%}"} for p, s in figures["share"].items())
    return (
        f"{figures['images_per_s']} images/s with {figures['workers']} workers "
        f"({figures['images']} images). Peak memory: {memory}.\n\n{table(shares)}"
    )


def _trained(trial: Trial) -> dict[str, str]:
    return {name: str(getattr(trial, name)) for name in TRAINED}


def _percent(value: float | None) -> str:
    """In per cent without the sign; nothing where no face of the kind was there."""
    return "" if value is None else f"{100 * value:.2f}"
