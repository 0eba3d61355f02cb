"""What the table says of itself: how noisy it is, which nets are best, whether short ranks long."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from statistics import stdev
from typing import Any

from benchmarks.core import DOCS, Summary
from benchmarks.core.ledger import Ledger
from benchmarks.core.page import percent, picture, table
from benchmarks.core.statistics import Tau, kendall, seed_spread
from benchmarks.nas_table import BANDS, plots
from benchmarks.nas_table.query import Choice, Table, Training

PAGE = DOCS / "nas_table.md"
FEWEST = 8
"""Architectures below which no tau is computed."""
NONE = "No training is recorded yet."
SECTIONS = "state", "noise", "best", "nets", "epochs", "long"
PICTURES = {
    "nets": "MACs against test NME of every net, and the best of each band",
    "epochs": "Tau of each epoch's validation NME with the other seed's final test NME",
}


@dataclass(frozen=True)
class Noise:
    """What a band can tell: `None` where it has too few nets with two seeds."""

    nets: int
    seed_sd: float | None
    """Standard deviation of one training's test NME."""
    nets_sd: float | None
    """Standard deviation over the nets of the mean of their two test NMEs."""
    ceiling: Tau | None
    """Tau between the test NMEs of the two seeds: what a ranking by one whole training reaches."""
    size: Tau | None
    """Tau of MACs, more being better, with the mean test NME."""


def summary(ledger: Ledger) -> Summary:
    """Noise, best nets and pictures, from what is recorded."""
    rows = ledger.results()
    short, long = (
        Table(Training.parse(row) for name, row in rows.items() if name.startswith(f"{recipe}/"))
        for recipe in ("short", "long")
    )
    if not short.trainings:
        return Summary({}, {PAGE: dict.fromkeys(SECTIONS, "") | {"state": NONE}})
    bands: list[str | None] = [*BANDS, None]
    noises = {band or "all": noise(short, short.choices(band, seeds=2)) for band in bands}
    epochs = by_epoch(short)
    kept = order_kept(short, long)
    sections = {
        "state": state(short, long),
        "noise": table(noise_row(band, n) for band, n in noises.items()),
        "best": table(best_row(short, band) for band in BANDS if short.choices(band, seeds=2)),
        "long": long_line(kept, len(long.choices()), noises["all"].ceiling),
    }
    pictures = {"nets.png": partial(plots.nets, short)}
    if epochs:
        pictures["epochs.png"] = partial(plots.epochs, epochs)
    for name, text in PICTURES.items():
        drawn = f"{name}.png" in pictures
        sections[name] = picture(ledger.folder / f"{name}.png", PAGE, text) if drawn else ""
    figures = {
        "noise": {band: _plain(n) for band, n in noises.items()},
        "tau_by_epoch": {str(epoch): vars(tau) for epoch, tau in epochs.items()},
        "long": vars(kept) if kept else None,
    }
    return Summary(figures, {PAGE: sections}, pictures)


def _plain(noise: Noise) -> dict[str, Any]:
    return {k: vars(v) if isinstance(v, Tau) else v for k, v in vars(noise).items()}


def noise(short: Table, choices: Sequence[Choice]) -> Noise:
    """The noise of nets that are trained with two seeds."""
    if len(choices) < FEWEST:
        return Noise(len(choices), None, None, None, None)
    pairs = [[t.test_nme for t in pair] for pair in short.pairs(choices)]
    first, second = zip(*pairs, strict=True)
    means = [(a + b) / 2 for a, b in pairs]
    return Noise(
        len(choices),
        seed_spread(pairs),
        stdev(means),
        kendall(first, second),
        kendall([-short.macs(c) for c in choices], means),
    )


def by_epoch(short: Table) -> dict[int, Tau]:
    """Epoch -> tau of the first seed's validation NME then with the other seed's last test NME."""
    choices = short.choices(seeds=2)
    if len(choices) < FEWEST:
        return {}
    pairs = short.pairs(choices)
    final = [other.test_nme for _, other in pairs]
    return {
        epoch: kendall([one.curve[epoch][0] for one, _ in pairs], final)
        for epoch in pairs[0][0].curve
    }


def order_kept(short: Table, long: Table) -> Tau | None:
    """Tau between the mean test NME of short trainings and that of the long ones."""
    both = [choice for choice in long.choices() if choice in short.by_choice]
    if len(both) < FEWEST:
        return None
    return kendall([short.nme(c) for c in both], [long.nme(c) for c in both])


def state(short: Table, long: Table) -> str:
    """How much there is, in a sentence."""
    trainings = short.trainings.values()
    hours = sum(t.core_seconds for t in (*trainings, *long.trainings.values())) / 3600
    return (
        f"The table holds {len(trainings)} short trainings of {len(short.choices())} "
        f"architectures, {len(short.choices(seeds=2))} of them with two seeds, and "
        f"{len(long.trainings)} long ones: {hours:.1f} hours of one core."
    )


def noise_row(band: str, noise: Noise) -> dict[str, str]:
    """A band in words."""
    return {
        "M MACs": band,
        "nets": str(noise.nets),
        "seed sd": percent(noise.seed_sd),
        "sd of the nets": percent(noise.nets_sd),
        "tau between seeds": str(noise.ceiling or ""),
        "tau of MACs": str(noise.size or ""),
    }


def best_row(short: Table, band: str) -> dict[str, str]:
    """The best net of a band that two seeds know."""
    best = short.best(band)
    return {
        "M MACs": band,
        "best architecture": " ".join(best),
        "its M MACs": f"{short.macs(best) / 1e6:.2f}",
        "test NME": percent(short.nme(best)),
    }


def long_line(kept: Tau | None, nets: int, ceiling: Tau | None) -> str:
    """Whether short trainings order nets as long ones do."""
    if kept is None:
        return f"Not known yet: {nets} nets are trained by the long recipe."
    between = f"; two short trainings of a net agree by {ceiling}" if ceiling else ""
    return f"Tau between short and long trainings of {nets} nets: {kept}{between}."
