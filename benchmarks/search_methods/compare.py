"""The comparison: every method in every band, with every budget of compute, several times."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median
from typing import Any

import numpy as np

from benchmarks.core.statistics import seed_spread, tau_draws
from benchmarks.nas_table import BANDS
from benchmarks.nas_table.query import SEPARATOR, Choice, Table
from benchmarks.search_methods import Plan
from benchmarks.search_methods.methods import TRAINING, Band, Method, Pick, by_supernet, likelihoods
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
    """With the default budget, by band and repeat: 1 better than random search, 0.5 the same net's
    figure, 0 worse."""
    taus: list[np.ndarray] = field(default_factory=list)
    """With the default budget, by repeat: bootstrap draws of the mean tau within bands; the first
    is that of the nets themselves."""

    def figures(self, plan: Plan) -> dict[str, Any]:
        """As table.json has it; None for what the method does not do."""
        at = self.regrets.get(plan.default, [])
        low, value, high = interval(self.taus)
        return {
            "regret": _rounded(median(at)) if at else None,
            "within_one_sd": _rounded(fmean(regret <= 1 for regret in at)) if at else None,
            "spent": _rounded(fmean(self.spent[plan.default])) if at else None,
            "beats_random": _rounded(fmean(self.wins)) if self.wins else None,
            "tau": None if value is None else [value, low, high],
            "curve": [
                [_rounded(fmean(self.spent[seconds])), *_quartiles(regrets)]
                for seconds, regrets in sorted(self.regrets.items())
            ],
        }


def interval(taus: Sequence[np.ndarray]) -> tuple[float | None, float | None, float | None]:
    """Low end, value and high end of the mean over repeats, 95 %."""
    if not taus:
        return None, None, None
    mean = np.mean(taus, axis=0)
    low, high = np.nanpercentile(mean[1:], [2.5, 97.5])
    return _rounded(low), _rounded(mean[0]), _rounded(high)


def _quartiles(values: Sequence[float]) -> list[float]:
    return [_rounded(each) for each in np.percentile(values, [25, 50, 75])]


def _rounded(value: float) -> float:
    return round(float(value), DIGITS)


def methods(records: Mapping[str, Mapping[str, Any]]) -> dict[str, list[Method]]:
    """Methods by name; those of supernets have one for each recorded seed."""
    every: dict[str, list[Method]] = {name: [method] for name, method in TRAINING.items()}
    for name, record in records.items():
        variant = name.partition("/")[2].rpartition("-")[0]
        nmes = {tuple(cell.split(SEPARATOR)): nme for cell, nme in record["nme"].items()}
        learned = likelihoods(record["probabilities"], list(nmes))
        search, scoring = record["search_seconds"], record["scoring_seconds"]
        every.setdefault(f"inherited ranking, {variant}", []).append(
            by_supernet(nmes, search + scoring)
        )
        every.setdefault(f"FBNet, {variant}", []).append(by_supernet(learned, search))
    return every


def compare(
    table: Table,
    records: Mapping[str, Mapping[str, Any]],
    plan: Plan,
    points: int,
    size: int = 112,
    space: SpaceParams = NNI_SPACE,
) -> dict[str, Verdict]:
    """Verdicts by method; without bands of enough nets there are none."""
    lut = from_table(macs_table(space, points, size), space)
    nets = {band: table.choices(band, seeds=2) for band in BANDS}
    nets = {band: choices for band, choices in nets.items() if len(choices) >= plan.fewest}
    if not nets:
        return {}
    pairs = table.pairs(choice for choices in nets.values() for choice in choices)
    sd = seed_spread([[training.test_nme for training in pair] for pair in pairs])
    truth = {band: {c: table.nme(c) for c in choices} for band, choices in nets.items()}
    every = methods(records)
    verdicts: dict[str, Verdict] = defaultdict(Verdict)
    for repeat in range(plan.repeats):
        scores: dict[str, dict[str, Mapping[Choice, float]]] = defaultdict(dict)
        for number, (band, choices) in enumerate(nets.items()):
            seeds = sorted(table.by_choice[choices[0]])
            view = Band(table, choices, seeds[repeat % len(seeds)], lut, space)
            best = min(truth[band].values())
            for seconds in plan.compute:
                picks = picked(every, view, seconds, repeat, number)
                for name, pick in picks.items():
                    verdicts[name].spent[seconds].append(pick.seconds)
                    verdicts[name].regrets[seconds].append((truth[band][pick.choice] - best) / sd)
                if seconds == plan.default:
                    for name, win in wins(picks, truth[band]).items():
                        verdicts[name].wins.append(win)
                    for name, pick in picks.items():
                        scores[name][band] = pick.scores
        for name, by_band in scores.items():
            if all(by_band.values()):
                verdicts[name].taus.append(band_taus(by_band, truth, plan))
    return dict(verdicts)


def picked(
    every: Mapping[str, Sequence[Method]], view: Band, seconds: int, repeat: int, number: int
) -> dict[str, Pick]:
    """What each method picks in a band (the one of that number) within a budget of compute.

    A method that the budget is too small for is left out.
    """
    picks = {}
    for name, variants in every.items():
        rng = np.random.default_rng([repeat, number, seconds])
        if pick := variants[repeat % len(variants)](view, seconds, rng):
            picks[name] = pick
    return picks


def wins(picks: Mapping[str, Pick], truth: Mapping[Choice, float]) -> dict[str, float]:
    """Of each other method's pick against random search's: 1 better, 0.5 the same figure, 0 worse.

    Empty without random search's.
    """
    if REFERENCE not in picks:
        return {}
    chance = truth[picks[REFERENCE].choice]
    owns = {name: truth[pick.choice] for name, pick in picks.items() if name != REFERENCE}
    return {name: float(own < chance) + 0.5 * (own == chance) for name, own in owns.items()}


def band_taus(
    scores: Mapping[str, Mapping[Choice, float]],
    truth: Mapping[str, Mapping[Choice, float]],
    plan: Plan,
) -> np.ndarray:
    """The mean over bands of tau within them [1 + resamples]: of the nets, then of resamples.

    Scores that are all equal rank nothing: 0.
    """
    by_band = [
        tau_draws(
            list(of_band.values()),
            [truth[band][choice] for choice in of_band],
            np.random.default_rng([number, 11]),
            plan.resamples,
        )
        for number, (band, of_band) in enumerate(scores.items())
    ]
    mean: np.ndarray = np.nan_to_num(np.array(by_band)).mean(axis=0)
    return mean
