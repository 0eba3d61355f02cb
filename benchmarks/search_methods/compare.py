"""The comparison: every method in every band, with every budget of compute, several times."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median
from typing import Any

import numpy as np

from benchmarks.core.statistics import partial, seed_spread, tau_draws
from benchmarks.nas_table import BANDS
from benchmarks.nas_table.query import SEPARATOR, Choice, Table
from benchmarks.search_methods import Plan
from benchmarks.search_methods.methods import (
    BUDGETED,
    FIXED,
    Band,
    Fixed,
    Pick,
    Supernet,
    likelihoods,
    random_search,
)
from fbnet.costs.lut import from_table
from fbnet.costs.macs import macs_table
from fbnet.params import NNI_SPACE, SpaceParams

REFERENCE = "random search"
DIGITS = 6
"""Of figures; further ones depend on the platform."""


@dataclass
class Verdict:
    """One method, over bands and repeats."""

    regrets: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Budget of compute -> test NME above the band's best, in seed standard deviations."""
    spent: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Budget -> core-seconds that were taken."""
    wins: list[float] = field(default_factory=list)
    """With the default budget, by repeat and band: 1 better than random search of the same
    compute, 0.5 the same net's figure, 0 worse."""
    taus: list[np.ndarray] = field(default_factory=list)
    """With the default budget, by repeat: bootstrap draws of the mean tau within bands; the first
    is that of the nets themselves."""
    given_macs: list[np.ndarray] = field(default_factory=list)
    """The same of the partial tau given MACs, over the nets of all bands."""

    def figures(self, plan: Plan) -> dict[str, Any]:
        """As table.json has it; None for what the method does not do.

        Budgets that are too small for it in some band are left out.
        """
        most = max(map(len, self.regrets.values()))
        whole = {budget: each for budget, each in self.regrets.items() if len(each) == most}
        at = whole.get(plan.default, [])
        return {
            "regret": _rounded(median(at)) if at else None,
            "within_one_sd": _rounded(fmean(regret <= 1 for regret in at)) if at else None,
            "spent": _rounded(fmean(self.spent[plan.default])) if at else None,
            "beats_random": _rounded(fmean(self.wins)) if self.wins else None,
            "tau": interval(self.taus),
            "given_macs": interval(self.given_macs),
            "curve": [
                [_rounded(fmean(self.spent[seconds])), *_quartiles(regrets)]
                for seconds, regrets in sorted(whole.items())
            ],
        }


def interval(taus: Sequence[np.ndarray]) -> list[float] | None:
    """Value, low end and high end of the mean over repeats, 95 %; None without one.

    All repeats resample the same nets alike, so that their mean is one statistic.
    """
    if not taus:
        return None
    mean = np.mean(taus, axis=0)
    if not np.isfinite(mean[0]):
        return None
    return [_rounded(value) for value in (mean[0], *np.nanpercentile(mean[1:], [2.5, 97.5]))]


def _quartiles(values: Sequence[float]) -> list[float]:
    return [_rounded(each) for each in np.percentile(values, [25, 50, 75])]


def _rounded(value: float) -> float:
    return round(float(value), DIGITS)


def supernets(records: Mapping[str, Mapping[str, Any]]) -> dict[str, list[Supernet]]:
    """By variant, one for each recorded seed."""
    known = defaultdict(list)
    for name, record in records.items():
        nmes = {tuple(cell.split(SEPARATOR)): nme for cell, nme in record["nme"].items()}
        learned = likelihoods(record["probabilities"], list(nmes))
        scoring = record["scoring_seconds"] / len(nmes)
        variant = name.partition("/")[2].rpartition("-")[0]
        known[variant].append(Supernet(nmes, learned, record["search_seconds"], scoring))
    return known


def bands_of(table: Table, plan: Plan) -> dict[str, list[Choice]]:
    """The nets with two seeds of each band that has enough of them."""
    nets = {band: table.choices(band, seeds=2) for band in BANDS}
    return {band: choices for band, choices in nets.items() if len(choices) >= plan.fewest}


def exhausted(table: Table, choices: Sequence[Choice]) -> float:
    """Core-seconds of one training of each net."""
    return sum(pair[0].core_seconds for pair in table.pairs(choices))


def compare(
    table: Table,
    records: Mapping[str, Mapping[str, Any]],
    plan: Plan,
    points: int,
    size: int = 112,
    space: SpaceParams = NNI_SPACE,
) -> dict[str, Verdict]:
    """Verdicts by method; without bands of enough nets there are none.

    A repeat's methods see one seed of the table; the other one judges them. Budgets that train
    all nets of a band are left out.
    """
    lut = from_table(macs_table(space, points, size), space)
    if not (nets := bands_of(table, plan)):
        return {}
    pairs = table.pairs(choice for choices in nets.values() for choice in choices)
    sd = seed_spread([[training.test_nme for training in pair] for pair in pairs])
    most = min(exhausted(table, choices) for choices in nets.values())
    budgets = [seconds for seconds in plan.compute if seconds < most]
    known = supernets(records)
    verdicts: dict[str, Verdict] = defaultdict(Verdict)
    for repeat in range(plan.repeats):
        scores: dict[str, dict[Choice, float]] = defaultdict(dict)
        truths: dict[str, dict[Choice, float]] = {}
        for number, (band, choices) in enumerate(nets.items()):
            pair = table.pairs(choices[:1])[0]
            seen, judge = (pair[(repeat + i) % 2].seed for i in (0, 1))
            view = Band(table, choices, seen, lut, space)
            truth = truths[band] = {choice: table.nme(choice, judge) for choice in choices}
            best = min(truth.values())
            draw, fixed = [repeat, number], methods_of(known, repeat)
            for name, seconds, pick in picks_of(view, budgets, plan.default, fixed, draw):
                verdicts[name].spent[seconds].append(pick.seconds)
                verdicts[name].regrets[seconds].append((truth[pick.choice] - best) / sd)
                if seconds == plan.default:
                    scores[name] |= pick.scores
                if seconds == plan.default and name != REFERENCE:
                    verdicts[name].wins.append(win(view, pick, truth, draw))
        every = [choice for choices in nets.values() for choice in choices]
        for name, by_net in scores.items():
            if len(by_net) == len(every):
                verdicts[name].taus.append(band_taus(by_net, truths, plan))
                verdicts[name].given_macs.append(given_macs(by_net, truths, table, plan))
    return dict(verdicts)


def methods_of(known: Mapping[str, Sequence[Supernet]], repeat: int) -> dict[str, Fixed]:
    """The methods that take what they take; of a variant's supernets the one of this repeat."""
    searched = {
        f"{name}, {variant}": method
        for variant, seeds in known.items()
        for name, method in seeds[repeat % len(seeds)].methods.items()
    }
    return dict(FIXED) | searched


def picks_of(
    view: Band,
    budgets: Sequence[int],
    default: int,
    fixed: Mapping[str, Fixed],
    draw: Sequence[int],
) -> Iterator[tuple[str, int, Pick]]:
    """Each method's name, its budget and what it picks; too small a budget is left out.

    `fixed`, those that take what they take, count by the `default` budget.
    """
    for seconds in budgets:
        for name, method in BUDGETED.items():
            if pick := method(view, seconds, np.random.default_rng(draw)):
                yield name, seconds, pick
    for name, whole in fixed.items():
        yield name, default, whole(view, np.random.default_rng(draw))


def win(view: Band, pick: Pick, truth: Mapping[Choice, float], draw: Sequence[int]) -> float:
    """1 where a pick is better than random search's of the same compute, 0.5 as good, 0 worse.

    Where the compute trains no net, that is a net at random.
    """
    chance = random_search(view, pick.seconds, np.random.default_rng(draw))
    first = view.choices[np.random.default_rng(draw).permutation(len(view.choices))[0]]
    own, other = truth[pick.choice], truth[chance.choice if chance else first]
    return float(own < other) + 0.5 * (own == other)


def band_taus(
    scores: Mapping[Choice, float], truths: Mapping[str, Mapping[Choice, float]], plan: Plan
) -> np.ndarray:
    """The mean over bands of tau within them [1 + resamples]: of the nets, then of resamples.

    Scores that are all equal rank nothing: 0.
    """
    by_band = []
    for number, truth in enumerate(truths.values()):
        own = [scores[choice] for choice in truth]
        rng = np.random.default_rng([number, 11])
        taus = tau_draws(own, list(truth.values()), rng, plan.resamples)
        by_band.append(taus if len(set(own)) > 1 else np.zeros_like(taus))
    mean: np.ndarray = np.nanmean(by_band, axis=0)
    return mean


def given_macs(
    scores: Mapping[Choice, float],
    truths: Mapping[str, Mapping[Choice, float]],
    table: Table,
    plan: Plan,
) -> np.ndarray:
    """Partial tau given MACs over the nets of all bands [1 + resamples]."""
    truth = {choice: nme for of_band in truths.values() for choice, nme in of_band.items()}
    own, size = [scores[choice] for choice in truth], [-table.macs(choice) for choice in truth]
    first, second, between = (
        tau_draws(one, other, np.random.default_rng(12), plan.resamples)
        for one, other in ((own, list(truth.values())), (size, list(truth.values())), (own, size))
    )
    return partial(first, second, between)
