"""The table of trained nets: what is trained, in which order, what a row holds, how it is asked."""

import math
from argparse import Namespace
from dataclasses import replace

import cv2
import numpy as np
import pytest

from benchmarks.core.jobs import Job
from benchmarks.core.rows import RowLedger
from benchmarks.nas_table import AUGMENT, BANDS, LONG, PLAN, SHORT
from benchmarks.nas_table.__main__ import jobs
from benchmarks.nas_table.query import Table, Training, read_curve, write_curve
from benchmarks.nas_table.table import PAGE, summary
from benchmarks.nas_table.work import sample
from fbnet.costs.lut import cost_range, from_table
from fbnet.costs.macs import count_net, macs_table
from fbnet.errors import BadInput
from fbnet.files import read_csv
from fbnet.params import NNI_SPACE, AugmentParams, RetrainParams

TINY = {
    "epochs": 2, "validate_every": 1, "min_steps": 0, "batch": 16, "augment": False,
    "warmup_epochs": 0.0,
}  # fmt: skip


def test_the_protocol_is_stated_in_full():
    """Rows hold whatever becomes of the defaults."""
    own = {"seed", "inherit", "candidates", "heads_epochs", "heads_lr", "heads_faces"}
    for recipe in (SHORT, LONG):
        assert recipe.keys() | own >= RetrainParams.model_fields.keys()
    assert AUGMENT.keys() == AugmentParams.model_fields.keys()


def test_a_band_has_many_and_the_ends_have_all():
    sampled = sample(PLAN, NNI_SPACE, 106, 112)
    assert {band: len(choices) for band, choices in sampled.items()} == {
        **dict.fromkeys(BANDS, 60), "0-6": 6, "12-": 1,
    }  # fmt: skip
    for band, choices in sampled.items():
        low, high = PLAN.bands[band]
        assert len(set(choices)) == len(choices)
        assert all(low <= count_net(NNI_SPACE, 106, c).macs < high for c in choices[:3])


@pytest.fixture
def plan(space, faces):
    lut = from_table(macs_table(space, faces.points, faces.size), space)
    middle = sum(cost_range(lut)) / 2
    bands = {"6-7": (0.0, middle), "0-6": (middle, math.inf)}
    return replace(PLAN, bands=bands, count=2, pool=40, short=TINY, long=TINY, long_count=1)


@pytest.fixture
def declared(tmp_path, faces, plan, space):
    faces.save(tmp_path / "faces")
    given = Namespace(faces=tmp_path / "faces", data=None, accelerator="cpu")
    ledger = RowLedger(tmp_path / "records", tmp_path / "work")
    return ledger, jobs(given, ledger, plan, space)


def test_jobs_go_round_the_bands_and_the_long_ones_come_last(declared):
    _, wanted = declared
    assert [job.name for job in wanted] == [
        "short/6-7/00-1", "short/6-7/00-2", "short/0-6/00-1", "short/0-6/00-2",
        "short/6-7/01-1", "short/6-7/01-2", "short/0-6/01-1", "short/0-6/01-2",
        "long/6-7/00-1",
    ]  # fmt: skip
    assert (
        wanted[0].setting["choice"] == wanted[1].setting["choice"] == wanted[-1].setting["choice"]
    )
    assert (
        len({job.digest for job in wanted}) == len({tuple(j.setting["choice"]) for j in wanted}) * 2
    )


def test_training_leaves_a_row_that_the_table_reads(declared, space, faces):
    ledger, wanted = declared
    ledger.run(wanted[:2])
    row, other = read_csv(ledger.folder / "table.csv")
    choice = tuple(wanted[0].setting["choice"])
    size = count_net(space, faces.points, choice, faces.size)
    assert row["choice"] == "|".join(choice) == other["choice"]
    assert (row["seed"], row["macs"], row["params"]) == ("1", str(size.macs), str(size.params))
    assert float(row["core_seconds"]) > 0 and row["digest"] == wanted[0].digest
    table = Table.load(path=ledger.folder / "table.csv")
    assert table.choices("0-6", seeds=2) == [choice]
    assert f"{table.nme(choice, 1):.5f}" == row["test_nme"]
    assert f"{table.nme(choice, 1, split='val'):.5f}" == row["val_nme"]
    assert table.nme(choice, 1, epoch=1) != table.nme(choice, 1) != table.nme(choice, 2)


def training(choice, seed, macs, test, epochs=2, val=0.5):
    curve = {epoch: (val / epoch, test * epochs / epoch) for epoch in range(1, epochs + 1)}
    return Training((choice,), seed, macs, 1000, epochs, curve, 40.0)


@pytest.fixture
def table():
    return Table(
        [
            training("b", 1, 6_500_000, 0.14), training("b", 2, 6_500_000, 0.10),
            training("a", 1, 6_200_000, 0.11), training("c", 1, 7_200_000, 0.05),
        ]
    )  # fmt: skip


def test_a_band_is_asked_for_its_nets_and_its_best(table):
    assert table.choices() == [("a",), ("b",), ("c",)]
    assert table.choices("6-7") == [("a",), ("b",)]
    assert table.choices("6-7", seeds=2) == [("b",)]
    assert table.best("6-7") == ("b",), "one training does not make a best net"
    assert table.best("6-7", seeds=1) == ("a",) and table.best(seeds=1) == ("c",)
    assert table.macs(("b",)) == 6_500_000


def test_an_nme_is_the_mean_of_seeds_or_that_of_one_after_an_epoch(table):
    assert table.nme(("b",)) == pytest.approx(0.12)
    assert table.nme(("b",), 1) == pytest.approx(0.14)
    assert table.nme(("b",), 1, epoch=1) == pytest.approx(0.28)
    assert table.nme(("b",), epoch=2, split="val") == pytest.approx(0.25)
    with pytest.raises(KeyError):
        table.nme(("a",), 2)


def test_a_curve_is_read_as_it_was_written():
    curve = {10: (0.12345, 0.2), 20: (0.1, 0.09999)}
    assert write_curve(curve) == "10:0.12345/0.20000 20:0.10000/0.09999"
    assert read_curve(write_curve(curve)) == curve


def test_an_unknown_recipe_is_one_line(declared):
    ledger, wanted = declared
    ledger.run(wanted[:1])
    with pytest.raises(BadInput, match=r"table\.csv: no training by the recipe 'long'"):
        Table.load("long", ledger.folder / "table.csv")


def recorded(ledger, recipe, choices, noise):
    """Rows of nets whose NME falls with their MACs, from 6.3 M on."""
    rng = np.random.default_rng(0)
    for number, choice in enumerate(choices):
        for seed in (1, 2):
            macs = 6_300_000 + 50_000 * number
            nme = 0.2 - 1e-8 * macs + noise * rng.normal()
            row = {
                "choice": choice, "seed": seed, "macs": macs, "params": 1000, "epochs": 2,
                "curve": write_curve({1: (2 * nme, 2 * nme), 2: (nme, nme)}), "core_seconds": 36,
            }  # fmt: skip
            ledger.record(Job(f"{recipe}/6-7/{number:02}-{seed}", {}, None), row)


def test_the_page_says_how_noisy_the_table_is(tmp_path):
    ledger = RowLedger(tmp_path / "records", tmp_path / "work")
    recorded(ledger, "short", [f"sep_k{i}" for i in range(20)], 0.0005)
    made = summary(ledger)
    sections = made.pages[PAGE]
    assert "40 short trainings of 20 architectures, 20 of them with two seeds" in sections["state"]
    assert "0.4 hours of one core" in sections["state"]
    assert sections["long"] == "Not known yet: 0 nets are trained by the long recipe."
    figures = made.figures["noise"]
    assert figures["6-7"]["nets"] == 14 and figures["7-8"]["nets"] == 6
    assert figures["7-8"]["ceiling"] is None
    assert figures["all"]["seed_sd"] == pytest.approx(0.0005, rel=0.5)
    assert figures["all"]["size"]["value"] > 0.9
    assert made.figures["tau_by_epoch"]["2"]["value"] == figures["all"]["ceiling"]["value"]
    for name, draw in made.pictures.items():
        draw(tmp_path / name)
        assert cv2.imread(str(tmp_path / name)).std() > 0
    assert set(made.pictures) == {"nets.png", "epochs.png"}


def test_the_long_recipe_is_compared_where_it_was_run(tmp_path):
    ledger = RowLedger(tmp_path / "records", tmp_path / "work")
    names = [f"sep_k{i}" for i in range(10)]
    recorded(ledger, "short", names, 0)
    recorded(ledger, "long", names[::-1], 0)
    made = summary(ledger)
    assert made.figures["long"]["value"] == -1.0
    assert "10 nets: -1.00" in made.pages[PAGE]["long"]


def test_a_page_without_trainings_says_so(tmp_path):
    made = summary(RowLedger(tmp_path / "records", tmp_path / "work"))
    assert made.pages[PAGE]["state"] == "No training is recorded yet." and not made.pictures
