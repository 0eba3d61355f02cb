"""All steps on a small space, one after the other, as the pipeline runs them."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import pytest
from ruamel.yaml import YAML

from benchmarks.ranking.__main__ import STEPS, main
from benchmarks.ranking.params import load
from benchmarks.ranking.variants import VARIANTS
from fbnet.errors import BadInput
from fbnet.files import read_json

ROOT = Path(__file__).parents[3]
PIPELINE = YAML(typ="safe", pure=True).load(ROOT / "benchmarks/ranking/dvc.yaml")["stages"]


def test_every_step_and_then_nothing_again(setting, capsys, monkeypatch):
    few = {name: VARIANTS[name] for name in ("base", "leak")}
    monkeypatch.setattr("benchmarks.ranking.searches.VARIANTS", few)
    for step in STEPS.values():
        step(setting)
    made = setting.results
    for name in ("cost_error.png", "front.png", "rank.png"):
        assert cv2.imread(str(made / name)).std() > 0
    table = (made / "architectures.md").read_text().splitlines()
    assert table[2].startswith("| searched | sep_k3 mb_k3 gh_k3 |")
    assert len(table) == 2 + 1 + 4
    assert (made / "ablations.md").read_text().count("\n") == 2 + 2 + 2
    assert (made / "ablations.md").read_text() in setting.page.read_text()
    summary = read_json(made / "summary.json")
    assert summary["supernet_ranks"]["with_both_seeds"] == 4
    assert "goal_reached" in summary["against_chance"]
    some = setting.ledger.job(setting.sample[0], 2).path
    kept = some.read_bytes()
    some.unlink()
    STEPS["report"](setting)
    verdicts = (made / "verdicts.md").read_text().splitlines()[2:4]
    assert all(line.endswith("| not known yet |") for line in verdicts)
    some.write_bytes(kept)
    before = {path: path.stat().st_mtime_ns for path in made.glob("*/*.json")}
    capsys.readouterr()
    for name in ("search", "train"):
        STEPS[name](setting)
    assert {path: path.stat().st_mtime_ns for path in made.glob("*/*.json")} == before
    told = re.findall(r"(\d+) of (\d+) are there already", capsys.readouterr().out)
    assert len(told) == 2 and all(done == wanted for done, wanted in told)


def test_a_pattern_picks_searches(setting):
    STEPS["search"](replace(setting, only="budget_*"))
    names = sorted(path.name for path in (setting.results / "searches").iterdir())
    assert [name.partition("_")[0] for name in names] == ["budget"] * 2
    with pytest.raises(BadInput, match="--only x: no search is called so; there are seed_1-"):
        STEPS["search"](replace(setting, only="x"))


def test_a_report_without_trainings_is_refused(setting):
    STEPS["sample"](setting)
    STEPS["inherit"](setting)
    with pytest.raises(BadInput, match="run the train step"):
        STEPS["report"](setting)


def test_bad_input_leaves_with_2(setting, capsys):
    assert main(["sample", "--params", "nowhere.yaml"]) == 2
    assert "nowhere.yaml" in capsys.readouterr().err


def test_stages_are_the_steps_and_inputs_come_from_earlier_ones():
    assert set(PIPELINE) == set(STEPS)
    tables = {table.as_posix() for table in load().searches.tables}
    assert tables <= set(PIPELINE["search"]["deps"])
    made = set()
    for name, entry in PIPELINE.items():
        assert entry["cmd"] == f"python -m benchmarks.ranking {name}"
        for dep in entry["deps"]:
            assert dep in made or dep.startswith("results/") or (ROOT / dep).is_file(), dep
        items = [*entry.get("outs", []), *entry.get("metrics", [])]
        assert all(value == value | {"cache": False} for item in items for value in item.values())
        made |= {next(iter(item)) for item in items}


def test_help_is_instant():
    code = "import sys, benchmarks.ranking.__main__; print(*sys.modules.keys() & {'torch', 'cv2'})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""
