"""Methods of search on a table that is drawn: what they see, what they pay, how they are judged."""

import math
from argparse import Namespace
from dataclasses import replace

import cv2
import numpy as np
import pytest

from benchmarks.core.ledger import Ledger
from benchmarks.nas_table import BANDS
from benchmarks.nas_table import PLAN as TABLE_PLAN
from benchmarks.nas_table.query import Table, Training
from benchmarks.search_methods import PLAN, plots
from benchmarks.search_methods.__main__ import jobs
from benchmarks.search_methods.compare import compare
from benchmarks.search_methods.methods import (
    EPOCHS,
    TRAINING,
    Band,
    by_supernet,
    largest,
    likelihoods,
    predictor,
    random_search,
    scaled,
)
from benchmarks.search_methods.table import NONE, PAGE, knowledge_row, method_row, summary
from fbnet.costs.lut import cost_of, from_table
from fbnet.costs.macs import macs_table
from fbnet.params import NNI_SPACE
from fbnet.search.draws import draws

LUT = from_table(macs_table(NNI_SPACE, 106), NNI_SPACE)
SD = 0.002
SMALL = replace(PLAN, compute=(200, 800), repeats=4, resamples=20)


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


@pytest.mark.parametrize("name", TRAINING)
@pytest.mark.parametrize("seconds", [200, 800])
def test_a_method_stays_within_its_compute_and_its_band(band, name, seconds):
    pick = TRAINING[name](band, seconds, np.random.default_rng(1))
    assert pick.choice in band.choices
    assert pick.seconds <= seconds
    again = TRAINING[name](band, seconds, np.random.default_rng(1))
    assert (pick.choice, pick.seconds) == (again.choice, again.seconds)


def test_too_little_compute_is_no_search(band):
    rng = np.random.default_rng(1)
    assert random_search(band, 44, rng) is None and predictor(band, 60, rng) is None
    assert by_supernet({band.choices[0]: 0.1}, 500.0)(band, 400, rng) is None


def test_with_all_the_compute_the_best_is_picked(band):
    best = min(band.choices, key=band.seen)
    for name in ("random search", "evolution on trainings"):
        assert TRAINING[name](band, 1e6, np.random.default_rng(0)).choice == best


def test_the_largest_trains_nothing(band):
    pick = largest(band, 0, np.random.default_rng(0))
    assert pick.seconds == 0
    assert band.table.macs(pick.choice) == max(map(band.table.macs, band.choices))


def test_the_predictor_ranks_what_it_has_not_trained(band):
    pick = predictor(band, 400, np.random.default_rng(0))
    assert pick.choice not in pick.scores and 0 < len(pick.scores) < len(band.choices)
    first, second = sorted(pick.scores, key=pick.scores.__getitem__)[:: len(pick.scores) - 1]
    assert goodness(first) < goodness(second)


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
        "search_seconds": 300,
        "scoring_seconds": 50,
    }


def test_the_comparison_knows_good_from_bad(table):
    signs = {"supernet/true-1": 1, "supernet/false-1": -1}
    records = {name: supernet_record(table, sign) for name, sign in signs.items()}
    verdicts = compare(table, records, SMALL, 106)
    figures = {name: verdict.figures(SMALL) for name, verdict in verdicts.items()}
    true, false = (figures[f"inherited ranking, {kind}"] for kind in ("true", "false"))
    assert true["regret"] < 1 < false["regret"]
    assert true["tau"][0] > 0.5 and false["tau"][0] < -0.5
    assert true["tau"][1] < true["tau"][0] < true["tau"][2]
    assert true["beats_random"] > false["beats_random"]
    assert true["spent"] == 350 and [point[0] for point in true["curve"]] == [350]
    chance = figures["random search"]
    assert chance["beats_random"] is None and chance["tau"] is None
    assert chance["curve"][1][2] <= chance["curve"][0][2]
    assert figures["predictor"]["tau"][0] > 0.3
    row = method_row("predictor", figures["predictor"])
    assert row["tau within bands"].startswith("0.") and row["core-seconds"].isdigit()


def test_the_picture_is_drawn(table, tmp_path):
    records = {"supernet/before-1": supernet_record(table, 1)}
    verdicts = compare(table, records, SMALL, 106)
    figures = {name: verdict.figures(SMALL) for name, verdict in verdicts.items()}
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
    search = {
        "cost": "macs", "epochs": 2, "warmup_epochs": 1, "min_steps": 0, "batch": 16,
        "arch_batch": 4, "nas_lr": 6.0, "augment": False, "calibration_faces": 16,
    }  # fmt: skip
    plan = replace(PLAN, supernets={"after": search}, supernet_seeds=(1,))
    small = replace(TABLE_PLAN, bands={"0-6": (0.0, 1e12)}, count=3, pool=40)
    (job,) = jobs(given, ledger, plan, space, small)
    ledger.run([job])
    result = ledger.result(job)
    assert job.name == "supernet/after-1" and len(result["nme"]) == 3
    assert all(nme > 0 for nme in result["nme"].values())
    assert [sum(p.values()) for p in result["probabilities"]] == pytest.approx([1, 1, 1])
    assert result["search_seconds"] > 0
    assert result["uniform_nme"] > 0 and result["mean_face_nme"] > 0
