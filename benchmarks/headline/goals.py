"""What the searched net was meant to reach, held against the records."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.headline import PHOTOGRAPHS, RENDERED, SETS, SUBNET

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Goal:
    """A goal, what was measured (None: not yet) and whether that reaches it."""

    text: str
    measured: str | None = None
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
LEARNED = 0.9
"""Share of the mean face's NME that a training has to stay below to count as a rival."""
BEST_NME = 0.05
"""On photographs, trained at its best."""
AT_BEST = ("best", "taught")
"""Recipes of which the better one on validation counts."""
FACES = {RENDERED: "rendered faces", PHOTOGRAPHS: "photographs"}
SEARCHES, MEMBERS = 3, 20
"""So many searches, at least, against so many random members; the front has to judge half."""


def verdicts(
    records: Sequence[Record], rows: Sequence[Record], front: Record | None = None
) -> list[Goal]:
    """Every goal, in a fixed order. front: the ranking benchmark's, None before it is there."""
    accuracy = [_accuracy(records, rival, data) for rival in RIVALS for data in FACES]
    costs = [goal for rival in RIVALS for goal in _costs(rows, rival)]
    return [*accuracy, *costs, _best(rows), _front(compare(front) if front else None)]


def _accuracy(records: Sequence[Record], rival: Rival, data: str) -> Goal:
    bound = rival.nme_at_most
    wanted = f"{-bound:.0%} lower than" if bound < 0 else f"at most {bound:.0%} above"
    text = f"NME {wanted} {rival.model}'s on {FACES[data]}, one recipe"
    compared = relative_nme(records, SUBNET, rival.model, data, "one")
    if compared is None:
        tried = _row(records, rival.model, data, "one")
        return Goal(text, f"{rival.model} learned in no run" if tried else None)
    relative, runs = compared
    way = "lower" if relative < 0 else "higher"
    count = f"median of {runs} runs" if runs > 1 else "one run"
    return Goal(text, f"{abs(relative):.1%} {way} ({count})", relative <= bound)


def relative_nme(
    records: Iterable[Record], model: str, other: str, data: str, recipe: str
) -> tuple[float, int] | None:
    """How much higher `model`'s NME is than `other`'s, as a share, and over how many runs.

    The median over the runs of both in which `other` learned: folds differ in difficulty, and a
    training that ends at the mean face is no rival. None when there is no such run.
    """
    nmes: dict[str, dict[int, float]] = {model: {}, other: {}}
    for record in records:
        if (record["data"], record["recipe"]) == (data, recipe) and record["model"] in nmes:
            learned = record["nme"] < LEARNED * record["mean_face_nme"]
            if record["model"] == model or learned:
                nmes[record["model"]][record["run"]] = record["nme"]
    both = sorted(nmes[model].keys() & nmes[other].keys())
    if not both:
        return None
    return median(nmes[model][run] / nmes[other][run] for run in both) - 1, len(both)


def _costs(rows: Sequence[Record], rival: Rival) -> list[Goal]:
    bounds = {"MACs": ("macs", rival.macs_at_most), "size": ("size_kb", rival.size_at_most)}
    goals = []
    for what, (name, bound) in bounds.items():
        if bound is not None:
            text = f"{what} at most {bound:g} of {rival.model}'s"
            pairs = ([_row(rows, m, data, "one") for m in (SUBNET, rival.model)] for data in SETS)
            shares = [own[name] / other[name] for own, other in pairs if own and other]
            measured = Goal(text, f"{shares[0]:.3f}", shares[0] <= bound) if shares else Goal(text)
            goals.append(measured)
    return goals


def _best(rows: Sequence[Record]) -> Goal:
    text = f"NME at most {BEST_NME:.1%} on photographs at its best"
    tried = [row for name in AT_BEST if (row := _row(rows, SUBNET, PHOTOGRAPHS, name))]
    # Folds differ in difficulty: the recipe with more of them comes first.
    best = min(tried, key=lambda row: (-row["runs"], row["val_nme"]), default=None)
    return Goal(text, f"{best['nme']:.2%}", best["nme"] <= BEST_NME) if best else Goal(text)


def _row(rows: Sequence[Record], model: str, data: str, recipe: str) -> Record | None:
    wanted = model, data, recipe
    return next((r for r in rows if (r["model"], r["data"], r["recipe"]) == wanted), None)


@dataclass(frozen=True)
class Comparison:
    """Random members of the space against the front of the searched nets.

    leads: how far the test NME of each member lies below that of the searched net that is best on
    validation among those that cost no more; negative where it lies above. cheaper: members
    cheaper than every searched net; of them the front says nothing. spread: standard deviation of
    such a difference between seeds.
    """

    searched: int
    leads: tuple[float, ...]
    cheaper: int
    spread: float


def compare(front: Record) -> Comparison:
    """Hold the members against the front, as `benchmarks.ranking.table.front` gives both."""
    best, members = front["front"], front["sampled"]
    inside = [member for member in members if member["macs"] >= best[0]["macs"]]
    leads = tuple(
        [net for net in best if net["macs"] <= member["macs"]][-1]["test_nme"] - member["test_nme"]
        for member in inside
    )
    cheaper = len(members) - len(inside)
    return Comparison(len(front["searched"]), leads, cheaper, front["seed_spread"])


def _front(compared: Comparison | None) -> Goal:
    text = f"front of {SEARCHES} searches or more on or below {MEMBERS} random members"
    if compared is None:
        return Goal(text)
    members = len(compared.leads) + compared.cheaper
    below = sum(lead > 0 for lead in compared.leads)
    clearly = sum(lead > compared.spread for lead in compared.leads)
    measured = (
        f"{compared.searched} searched nets, {members} members: {below} below the front, "
        f"{clearly} by more than the spread between seeds ({compared.spread:.2%}), "
        f"{compared.cheaper} cheaper than all of it"
    )
    enough = compared.searched >= SEARCHES and members >= MEMBERS <= 2 * len(compared.leads)
    return Goal(text, measured, enough and clearly == 0)
