"""The tests: does the supernet rank, does the search beat chance, does the table decide."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from statistics import fmean
from typing import Any

from benchmarks.core.statistics import Tau, kendall, seed_spread
from benchmarks.ranking import Plan

GOAL, SHARE_OF_CEILING = 0.5, 0.8
"""A supernet ranks well enough at this tau, or at this share of the tau between two seeds."""


@dataclass(frozen=True)
class Entry:
    """An architecture, its costs, and its figures from one training a seed."""

    choice: tuple[str, ...]
    macs: float
    cost: float
    """Predicted by the table that the search goes by, in its unit."""
    val: tuple[float, ...]
    """Validation NME by seed, of the trainings that are done."""
    test: tuple[float, ...]
    inherited: float | None = None
    """Validation NME under the supernet's weights."""

    @property
    def error(self) -> float:
        """Validation NME, mean of the seeds."""
        return fmean(self.val)


def complete(entries: Sequence[Entry], wanted: int) -> bool:
    """Whether all `wanted` architectures are trained with both seeds; before, goals are open."""
    return len(entries) == wanted and all(len(e.val) == 2 for e in entries)


def supernet_ranks(sample: Sequence[Entry], plan: Plan) -> dict[str, Any]:
    """Tau of inherited against stand-alone NME; its ceiling is the tau between the two seeds.

    `tau_of_size` is what ranking by MACs alone, largest first, would reach on this sample.
    """
    judged = [e for e in sample if e.inherited is not None]
    twice = [e for e in judged if len(e.val) == 2]
    figures: dict[str, Any] = {"architectures": len(judged), "with_both_seeds": len(twice)}
    if len(judged) < 3:
        return figures
    errors = [e.error for e in judged]
    tau = _tau([e.inherited or 0.0 for e in judged], errors, plan)
    figures["tau"] = vars(tau)
    figures["tau_of_size"] = vars(_tau([-e.macs for e in judged], errors, plan))
    reached = tau.value >= GOAL
    if len(twice) >= 3:
        ceiling = _tau([e.val[0] for e in twice], [e.val[1] for e in twice], plan)
        figures["tau_between_seeds"] = vars(ceiling)
        reached = reached or tau.value >= SHARE_OF_CEILING * ceiling.value
    return figures | {"goal_reached": bool(reached)}


def _tau(first: Sequence[float], second: Sequence[float], plan: Plan) -> Tau:
    return kendall(first, second, plan.seed, plan.resamples, plan.confidence)


def against_chance(searched: Entry, sample: Sequence[Entry]) -> dict[str, Any]:
    """Where the searched one stands among those of the sample that cost no more.

    `better` are those with a lower validation NME, `clearly_better` those lower by more than the
    spread between seeds.
    """
    rivals = [e for e in sample if e.cost <= searched.cost and e.choice != searched.choice]
    gaps = [searched.error - e.error for e in rivals]
    pairs = [e.val for e in (*sample, searched) if len(e.val) == 2]
    figures: dict[str, Any] = {
        "rivals": len(rivals),
        "better": sum(gap > 0 for gap in gaps),
        "largest_lead": max([0.0, *gaps]),
    }
    if pairs:
        spread = seed_spread(pairs)
        figures |= {
            "seed_spread": spread,
            "clearly_better": sum(gap > spread for gap in gaps),
            "goal_reached": all(gap <= spread for gap in gaps),
        }
    return figures


def against_own_table(own: Sequence[Entry], others: Sequence[Entry]) -> dict[str, Any]:
    """What the searches by another table chose against what those by the project's own chose.

    own, others: the same seeds, trained alone with two seeds; costs are by the own table.
    `layers_between_seeds` and `layers_between_tables` are the layers in which two searches differ,
    on average over the pairs within `own` and within `others`, and over those across. `beaten` are
    those of `others` of which some of `own` costs no more and has a validation NME lower by more
    than the spread between seeds.
    """

    def layers_apart(pairs: Iterable[tuple[Entry, Entry]]) -> float:
        return fmean(
            sum(a != b for a, b in zip(one.choice, other.choice, strict=True))
            for one, other in pairs
        )

    spread = seed_spread([e.val for e in (*own, *others)])
    beaten = sum(any(o.cost <= e.cost and e.error - o.error > spread for o in own) for e in others)
    within = [pair for group in (own, others) for pair in combinations(group, 2)]
    return {
        "layers_between_seeds": layers_apart(within),
        "layers_between_tables": layers_apart(product(own, others)),
        "costs": [fmean(e.cost for e in group) for group in (own, others)],
        "errors": [fmean(e.error for e in group) for group in (own, others)],
        "searches": len(others),
        "beaten": beaten,
        "goal_reached": beaten == 0,
    }
