"""The tests: does the supernet rank, does the search beat chance, does the table decide."""

from collections.abc import Sequence
from itertools import combinations, product
from statistics import fmean
from typing import Any

from benchmarks.ranking.entries import Entry
from benchmarks.ranking.params import VerdictParams
from benchmarks.ranking.statistics import kendall, seed_spread

GOAL, SHARE_OF_CEILING = 0.5, 0.8
"""A supernet ranks well enough at this tau, or at this share of the tau between two seeds."""


def complete(entries: Sequence[Entry], wanted: int) -> bool:
    """Whether all `wanted` architectures are trained with both seeds; before, goals are open."""
    return len(entries) == wanted and all(len(e.val) == 2 for e in entries)


def supernet_ranks(sample: Sequence[Entry], params: VerdictParams) -> dict[str, Any]:
    """Tau of inherited against stand-alone NME; its ceiling is the tau between the two seeds.

    `tau_of_size` is what ranking by MACs alone, dearest first, would reach on this sample.
    """
    judged = [e for e in sample if e.inherited is not None]
    twice = [e for e in judged if len(e.val) == 2]
    found: dict[str, Any] = {"architectures": len(judged), "with_both_seeds": len(twice)}
    if len(judged) < 3:
        return found
    errors = [e.error for e in judged]
    tau = kendall([e.inherited or 0.0 for e in judged], errors, params)
    found["tau"] = vars(tau)
    found["tau_of_size"] = vars(kendall([-e.macs for e in judged], errors, params))
    reached = tau.value >= GOAL
    if len(twice) >= 3:
        ceiling = kendall([e.val[0] for e in twice], [e.val[1] for e in twice], params)
        found["tau_between_seeds"] = vars(ceiling)
        reached = reached or tau.value >= SHARE_OF_CEILING * ceiling.value
    return found | {"goal_reached": bool(reached)}


def against_chance(
    searched: Entry, sample: Sequence[Entry], params: VerdictParams
) -> dict[str, Any]:
    """Where the searched one stands among those of the sample that cost no more.

    `better` are those with a lower validation NME, `clearly_better` those lower by more than the
    spread between seeds.
    """
    rivals = [e for e in sample if e.cost <= searched.cost and e.choice != searched.choice]
    gaps = [searched.error - e.error for e in rivals]
    pairs = [e.val for e in (*sample, searched) if len(e.val) == 2]
    found: dict[str, Any] = {
        "rivals": len(rivals),
        "better": sum(gap > 0 for gap in gaps),
        "largest_lead": max([0.0, *gaps]),
    }
    if pairs:
        spread = seed_spread(pairs)
        found |= {
            "seed_spread": spread,
            "clearly_better": sum(gap > spread for gap in gaps),
            "goal_reached": all(gap <= spread for gap in gaps),
        }
    return found


def against_own_table(own: Sequence[Entry], others: Sequence[Entry]) -> dict[str, Any]:
    """What the searches by another table chose against what those by the project's own chose.

    own, others: the same seeds, trained alone with two seeds; costs are by the own table.
    `layers_between_seeds` and `layers_between_tables` are the layers in which two searches differ,
    on average over the pairs within `own` and within `others`, and over those across. `beaten` are
    those of `others` of which some of `own` costs no more and has a validation NME lower by more
    than the spread between seeds.
    """
    within = [pair for group in (own, others) for pair in combinations(group, 2)]
    spread = seed_spread([e.val for e in (*own, *others)])
    beaten = sum(
        any(mine.cost <= e.cost and e.error - mine.error > spread for mine in own) for e in others
    )
    return {
        "layers_between_seeds": _layers_apart(within),
        "layers_between_tables": _layers_apart(list(product(own, others))),
        "costs": [fmean(e.cost for e in group) for group in (own, others)],
        "errors": [fmean(e.error for e in group) for group in (own, others)],
        "searches": len(others),
        "beaten": beaten,
        "goal_reached": beaten == 0,
    }


def _layers_apart(pairs: Sequence[tuple[Entry, Entry]]) -> float:
    """Mean number of layers in which the two of a pair differ."""
    return fmean(
        sum(a != b for a, b in zip(one.choice, other.choice, strict=True)) for one, other in pairs
    )
