"""Methods of search on a table that is drawn: what they see, what they pay, how they are judged."""

import math
from argparse import Namespace
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from benchmarks.core.ledger import Ledger
from benchmarks.nas_table import BANDS
from benchmarks.nas_table import PLAN as TABLE_PLAN
from benchmarks.nas_table.query import Table, Training
from benchmarks.search_methods import PLAN, plots
from benchmarks.search_methods.__main__ import jobs
from benchmarks.search_methods.compare import compare, win
from benchmarks.search_methods.methods import (
    BUDGETED,
    EPOCHS,
    Band,
    Pick,
    Supernet,
    every_net,
    evolve,
    largest,
    likelihoods,
    predictor,
    random_search,
    scaled,
)
from benchmarks.search_methods.table import NONE, PAGE, knowledge_row, method_row, summary
from benchmarks.search_methods.work import Watched, signal
from fbnet.costs.lut import cost_of, from_table
from fbnet.costs.macs import macs_table
from fbnet.params import NNI_SPACE, SearchParams
from fbnet.search.draws import draws
from fbnet.search.loop import Search

LUT = from_table(macs_table(NNI_SPACE, 106), NNI_SPACE)
SD = 0.002
SMALL = replace(PLAN, compute=(200, 400, 2000), default=400, repeats=4, resamples=20)


def goodness(choice):
    """What a net is worth: kernels of 5 in the third layer, separable blocks in the first hurt."""
    return (
        0.15
        - 0.01 * choice[2].startswith("mb_k5")
        + 0.01 * choice[0].startswith("sep")
        - 0.01 * choice[4].endswith("se")
        - 2e-9 * cost_of(LUT, choice)
    )


@pytest.fixture(scope="module")
def table():
    """Twenty nets of two bands, two seeds each; 45 core-seconds a training."""
    rng = np.random.default_rng(0)
    drawn = dict.fromkeys(draws(LUT, 2000, 0))
    trainings = []
    for low, high in list(BANDS.values())[1:3]:
        band = [choice for choice in drawn if low <= cost_of(LUT, choice) < high][:20]
        for choice in band:
            for seed in (1, 2):
                nme = goodness(choice) + SD * rng.normal()
                curve = {e: (nme * (1 + 1 / e), nme * (1 + 1 / e)) for e in range(1, EPOCHS)}
                curve[EPOCHS] = (nme, nme)
                macs = int(cost_of(LUT, choice))
                trainings.append(Training(choice, seed, macs, 1000, EPOCHS, curve, 45.0))
    return Table(trainings)


@pytest.fixture
def band(table):
    return Band(table, table.choices("7-8"), 1, LUT, NNI_SPACE)


@pytest.mark.parametrize("name", BUDGETED)
@pytest.mark.parametrize("seconds", [200, 800])
def test_a_method_stays_within_its_compute_and_its_band(band, name, seconds):
    pick = BUDGETED[name](band, seconds, np.random.default_rng(1))
    assert pick.choice in band.choices
    assert pick.seconds <= seconds
    again = BUDGETED[name](band, seconds, np.random.default_rng(1))
    assert (pick.choice, pick.seconds) == (again.choice, again.seconds)


def test_too_little_compute_is_no_search(band):
    rng = np.random.default_rng(1)
    assert random_search(band, 44, rng) is None and predictor(band, 60, rng) is None


def test_with_all_the_compute_the_best_is_picked(band):
    best = min(band.choices, key=band.seen)
    for name in ("random search", "evolution on trainings"):
        assert BUDGETED[name](band, 1e6, np.random.default_rng(0)).choice == best
    every = every_net(band, np.random.default_rng(0))
    assert every.choice == best and every.seconds == 45.0 * len(band.choices)


def test_evolution_ends_where_its_limit_does(band):
    goods = {choice: goodness(choice) for choice in band.choices}
    rng = np.random.default_rng(3)
    best, spent = evolve(band.choices, goods.__getitem__, lambda _: 2.0, 15.0, rng)
    assert spent == 14 and goods[best] <= sorted(goods.values())[-7]
    assert evolve(band.choices, goods.__getitem__, lambda _: 2.0, 1.0, rng) == (None, 0.0)


def test_the_largest_trains_nothing(band):
    pick = largest(band, np.random.default_rng(0))
    assert pick.seconds == 0
    assert band.table.macs(pick.choice) == max(map(band.table.macs, band.choices))


def test_the_predictor_ranks_all_nets_the_trained_ones_by_what_it_saw(band):
    pick = predictor(band, 400, np.random.default_rng(0))
    assert pick.scores.keys() == set(band.choices)
    trained = [choice for choice, score in pick.scores.items() if score == band.seen(choice)]
    assert pick.choice in trained and len(trained) < len(band.choices)
    others = sorted(pick.scores.keys() - set(trained), key=pick.scores.__getitem__)
    assert goodness(others[0]) < goodness(others[-1])


def test_fbnet_ends_with_the_best_of_the_likeliest_and_some_samples(band):
    """Certain of three nets, it takes the one whose inherited weights do best."""
    nmes = {choice: goodness(choice) for choice in band.choices}
    certain = band.choices[4:7]
    minus_log = {choice: 1.0 if choice in certain else 2000.0 for choice in band.choices}
    supernet = Supernet(nmes, minus_log, search=240.0, scoring=0.5)
    pick = supernet.fbnet(band, np.random.default_rng(0))
    assert pick.choice == min(certain, key=goodness)
    assert pick.seconds == 240 + 0.5 * len(certain) and pick.scores == minus_log
    assert supernet.ranking(band, np.random.default_rng(0)).choice == min(nmes, key=nmes.get)
    assert supernet.evolution(band, np.random.default_rng(0)).seconds <= 240 + 0.5 * len(nmes)


@pytest.mark.parametrize("epochs", [20, 40, 80, 160, 300])
def test_the_predictor_is_as_large_as_its_epochs_let(epochs):
    p = scaled(epochs, 60)
    half = math.ceil(p.nets / 2)
    whole = 2 * p.nets + 2 * half + 4 * math.ceil(half / 2) + p.rounds * p.top * EPOCHS
    assert 0.6 * epochs < whole <= epochs + 4


def test_a_distribution_ranks_by_likelihood():
    layers = [{"a": 0.9, "b": 0.1}, {"a": 0.4, "b": 0.6}]
    values = likelihoods(layers, [("a", "b"), ("a", "a"), ("b", "a")])
    assert sorted(values, key=values.__getitem__) == [("a", "b"), ("a", "a"), ("b", "a")]


def supernet_record(table, sign):
    cells = {"|".join(choice): sign * goodness(choice) for choice in table.choices()}
    layers = [{op: 1 / len(ops) for op in ops} for ops in NNI_SPACE.layer_ops]
    return {
        "nme": cells,
        "probabilities": layers,
        "uniform_nme": 0.2,
        "mean_face_nme": 0.34,
        "signal": [0.1, 0.4],
        "architecture_steps": 207,
        "search_seconds": 300,
        "scoring_seconds": len(cells),
    }


def compared(table, **signs):
    records = {f"supernet/{name}-1": supernet_record(table, sign) for name, sign in signs.items()}
    verdicts = compare(table, records, SMALL, 106)
    return {name: verdict.figures(SMALL) for name, verdict in verdicts.items()}


def test_the_comparison_knows_good_from_bad(table):
    figures = compared(table, true=1, false=-1)
    true, false = (figures[f"inherited ranking, {kind}"] for kind in ("true", "false"))
    assert true["regret"] < 1 < false["regret"]
    assert true["tau"][0] > 0.5 and false["tau"][0] < -0.5
    assert true["given_macs"][0] > 0.5 and false["given_macs"][0] < -0.3
    assert true["tau"][1] < true["tau"][0] < true["tau"][2]
    assert true["beats_random"] > false["beats_random"]
    assert true["spent"] == 320 and [point[0] for point in true["curve"]] == [320]
    assert figures["FBNet, true"]["tau"][0] == 0.0, "a uniform distribution ranks nothing"
    chance = figures["random search"]
    assert chance["beats_random"] is None and chance["tau"] is None
    assert [point[0] for point in chance["curve"]] == [180, 360], "2,000 would train all nets"
    assert chance["curve"][1][2] <= chance["curve"][0][2]
    assert figures["predictor"]["tau"][0] > 0.3
    row = method_row("predictor", figures["predictor"])
    assert row["tau within bands"].startswith("0.") and row["core-seconds"].isdigit()


def test_the_seed_that_is_seen_does_not_judge(table):
    """Where the second seed turns the first one's order round, all that was seen misleads."""
    turned = [
        replace(t, curve={e: (nme, nme) for e in t.curve})
        for t in table.trainings.values()
        for nme in [t.test_nme if t.seed == 1 else 0.3 - table.nme(t.choice, 1)]
    ]
    every = compared(Table(turned))["every net trained once"]
    assert every["tau"][0] == -1 and every["regret"] > 1


def test_random_search_gets_the_compute_that_the_method_took(band):
    """With none it is a net at random, with that of two trainings the better of two."""
    truth = {choice: goodness(choice) for choice in band.choices}
    order = [band.choices[i] for i in np.random.default_rng([1, 0]).permutation(len(truth))]
    first, better = order[0], min(order[:2], key=band.seen)
    for chance, seconds in ((first, 0.0), (first, 44.0), (better, 90.0)):
        for other, won in ((min(truth, key=truth.get), 1.0), (chance, 0.5)):
            assert win(band, Pick(other, seconds), truth, [1, 0]) == won
        worst = max(truth, key=truth.get)
        assert win(band, Pick(worst, seconds), truth, [1, 0]) == 0.0


def test_a_wide_interval_stays_wide_over_repeats(table):
    """Repeats judge the same nets, so their mean is no more certain than one of them."""
    one, ten = (
        compare(table, {}, replace(SMALL, repeats=repeats, resamples=400), 106)
        for repeats in (2, 10)
    )
    widths = [
        np.subtract(*v["largest within budget"].figures(SMALL)["tau"][:0:-1]) for v in (one, ten)
    ]
    assert widths[1] == pytest.approx(widths[0], rel=1e-6)


def test_the_picture_is_drawn(table, tmp_path):
    figures = compared(table, before=1)
    plots.regret(figures, tmp_path / "regret.png")
    assert cv2.imread(str(tmp_path / "regret.png")).std() > 0


def test_what_supernets_know_is_told_by_variant_and_seed(table):
    row = knowledge_row("supernet/few_path-3", supernet_record(table, 1))
    assert list(row.values())[:3] == ["few_path, seed 3", "20.00 %", "34.00 %"]


def test_without_enough_nets_nothing_is_said(tmp_path):
    made = summary(Ledger(tmp_path / "records", tmp_path / "work"), path=tmp_path / "none.csv")
    assert made.figures == {} and made.pages[PAGE]["methods"] == NONE


def test_a_supernet_scores_every_net_of_the_table(tmp_path, faces, space):
    faces.save(tmp_path / "faces")
    given = Namespace(faces=tmp_path / "faces", data=None)
    ledger = Ledger(tmp_path / "records", tmp_path / "work")
    plan = replace(PLAN, supernets={"after": SEARCH}, supernet_seeds=(1,))
    small = replace(TABLE_PLAN, bands={"0-6": (0.0, 1e12)}, count=3, pool=40)
    (job,) = jobs(given, ledger, plan, space, small)
    ledger.run([job])
    result = ledger.result(job)
    assert job.name == "supernet/after-1" and len(result["nme"]) == 3
    assert all(nme > 0 for nme in result["nme"].values())
    assert [sum(p.values()) for p in result["probabilities"]] == pytest.approx([1, 1, 1])
    assert result["search_seconds"] > 0 and result["architecture_steps"] > 0
    assert len(result["signal"]) == 2
    assert result["uniform_nme"] > 0 and result["mean_face_nme"] > 0


def test_a_signal_is_the_mean_in_units_of_the_noise():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(4000, 10))
    assert signal(noise) < 0.03
    assert signal(noise + 0.5) == pytest.approx(0.5, rel=0.05)
    assert signal(np.ones((8, 3))) == 0.0


SEARCH = {
    "cost": "macs", "epochs": 2, "warmup_epochs": 1, "min_steps": 0, "batch": 16,
    "arch_batch": 4, "nas_lr": 6.0, "augment": False, "calibration_faces": 16,
}  # fmt: skip


@pytest.mark.parametrize("sampling", ["soft", "few_path"])
def test_watching_a_search_does_not_change_it(faces, space, sampling):
    lut = from_table(macs_table(space, faces.points, faces.size), space)
    watched, plain = (
        kind(faces, space, lut, SearchParams(**SEARCH, sampling=sampling))
        for kind in (Watched, Search)
    )
    for search in (watched, plain):
        search.run()
    assert [row["signal"] >= 0 for row in watched.history] == [True, True]
    for name, value in plain.learner.modules.state_dict().items():
        assert torch.equal(watched.learner.modules.state_dict()[name], value), name
    assert watched.probabilities == plain.probabilities
