"""What the searched net was meant to reach, held against the table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.headline.pareto import Comparison
from benchmarks.headline.recipes import PHOTOGRAPHS, RENDERED, SETS, SUBNET
from benchmarks.headline.table import Record, compared

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Verdict:
    """A goal, what was measured (None: not yet) and whether that reaches it."""

    goal: str
    measured: str | None
    reached: bool = False


@dataclass(frozen=True)
class Rival:
    """The subnet's NME relative to another net's, one recipe; and its cost as a share."""

    model: str
    nme_at_most: float
    macs_at_most: float
    size_at_most: float | None = None


RIVALS = (
    Rival("lite", nme_at_most=-0.10, macs_at_most=1 / 10, size_at_most=0.6),
    Rival("mobilenetv3", nme_at_most=0.03, macs_at_most=1 / 20),
)
BEST_NME = 0.05
"""On photographs, trained at its best."""
AT_BEST = ("best", "taught")
"""Recipes of which the better one on validation counts."""
FACES = {RENDERED: "rendered faces", PHOTOGRAPHS: "photographs"}
SEARCHES, MEMBERS = 3, 20
"""So many searches, at least, against so many random members; the front has to judge half."""


def verdicts(
    found: Sequence[Record], rows: Rows, pareto: Comparison | None = None
) -> list[Verdict]:
    """Every goal, in a fixed order."""
    accuracy = [
        _accuracy(found, rival, data) for rival in RIVALS for data in (RENDERED, PHOTOGRAPHS)
    ]
    costs = [cost for rival in RIVALS for cost in _costs(rows, rival)]
    return [*accuracy, *costs, _best(rows), _front(pareto)]


def _accuracy(found: Sequence[Record], rival: Rival, data: str) -> Verdict:
    bound = rival.nme_at_most
    wanted = f"{-bound:.0%} lower than" if bound < 0 else f"at most {bound:.0%} above"
    goal = f"NME {wanted} {rival.model}'s on {FACES[data]}, one recipe"
    seen = compared(found, SUBNET, rival.model, data, "one")
    if seen is None:
        tried = _row(found, rival.model, data, "one")
        return Verdict(goal, f"{rival.model} learned in no run" if tried else None)
    relative, runs = seen
    way = "lower" if relative < 0 else "higher"
    text = f"{abs(relative):.1%} {way} ({f'median of {runs} runs' if runs > 1 else 'one run'})"
    return Verdict(goal, text, relative <= bound)


def _costs(rows: Rows, rival: Rival) -> list[Verdict]:
    bounds = {"MACs": ("macs", rival.macs_at_most), "size": ("size_kb", rival.size_at_most)}
    made = []
    for what, (name, bound) in bounds.items():
        if bound is None:
            continue
        goal = f"{what} at most {bound:g} of {rival.model}'s"
        pairs = ([_row(rows, m, data, "one") for m in (SUBNET, rival.model)] for data in SETS)
        share = next((mine[name] / other[name] for mine, other in pairs if mine and other), None)
        made.append(
            Verdict(goal, None) if share is None else Verdict(goal, f"{share:.3f}", share <= bound)
        )
    return made


def _best(rows: Rows) -> Verdict:
    goal = f"NME at most {BEST_NME:.1%} on photographs at its best"
    tried = [row for name in AT_BEST if (row := _row(rows, SUBNET, PHOTOGRAPHS, name))]
    # Folds differ in difficulty: the recipe with more of them comes first.
    row = min(tried, key=lambda row: (-row["runs"], row["val_nme"]), default=None)
    return (
        Verdict(goal, f"{row['nme']:.2%}", row["nme"] <= BEST_NME) if row else Verdict(goal, None)
    )


def _front(pareto: Comparison | None) -> Verdict:
    goal = f"front of {SEARCHES} searches or more on or below {MEMBERS} random members"
    if pareto is None:
        return Verdict(goal, None)
    members = len(pareto.leads) + pareto.cheaper
    text = (
        f"{pareto.searched} searched nets, {members} members: {pareto.better} below the front, "
        f"{pareto.clearly_better} by more than the spread between seeds ({pareto.spread:.2%}), "
        f"{pareto.cheaper} cheaper than all of it"
    )
    enough = pareto.searched >= SEARCHES and members >= MEMBERS <= 2 * len(pareto.leads)
    return Verdict(goal, text, enough and pareto.clearly_better == 0)


def _row(rows: Rows, model: str, data: str, recipe: str) -> Mapping[str, Any] | None:
    wanted = model, data, recipe
    return next((r for r in rows if (r["model"], r["data"], r["recipe"]) == wanted), None)
