"""The command: from files of trainings to table and page; one line on bad input."""

import json
from pathlib import Path

import pytest

from benchmarks.headline import __main__ as command
from benchmarks.headline import table, training
from benchmarks.headline.setting import Setting
from stages.params import Params

FIGURES = dict.fromkeys(table.FIGURES, 0.5) | {
    "macs": 8e6, "params": 9, "size_kb": 5.0, "faces": 8, "nme_region": {}, "nme_yaw": {},
}  # fmt: skip


def test_plan_and_bad_pattern(setting, monkeypatch, capsys):
    monkeypatch.setattr(command, "_setting", lambda arguments: setting)
    assert command.main(["plan", "--only", "*/one/lite-1"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "open  rendered/one/lite-1",
        "open  photographs/one/lite-1",
    ]
    assert command.main(["plan", "--only", "nothing"]) == 2
    assert capsys.readouterr().err.startswith("headline: no training is called nothing")


def test_a_training_needs_a_thread(capsys):
    assert command.main(["plan", "--threads", "0"]) == 2
    assert capsys.readouterr().err.startswith("headline: --threads is 0; give 1 or more")


def test_train_then_table(setting, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(command, "_setting", lambda arguments: setting)
    monkeypatch.setattr(training, "_figures", lambda net, faces: FIGURES)
    marked = "".join(f"<!-- {name} -->\n<!-- end {name} -->\n" for name in ("goals", "tables"))
    setting.page.write_text(marked)
    setting.readme.write_text("<!-- headline -->\n<!-- end headline -->\n")
    assert command.main(["train", "--only", "rendered/one/subnet-1"]) == 0
    assert "rendered/one/subnet-1: validation NME" in capsys.readouterr().out
    assert command.main(["table"]) == 0
    (row,) = json.loads((tmp_path / "table.json").read_text())
    assert row.keys() >= {
        "model", "data", "recipe", "nme", "nme_std", "macs", "params", "size_kb", "latency_ms",
    }  # fmt: skip
    assert (row["model"], row["runs"], row["nme_std"]) == ("subnet", 1, None)
    assert "### rendered, recipe `one`" in setting.page.read_text()
    assert "| subnet | 8.00 M |" in setting.readme.read_text()


@pytest.mark.parametrize("step", command.STEPS)
def test_missing_params_are_one_line(step, capsys):
    assert command.main([step, "--params", "nowhere.yaml"]) == 2
    assert capsys.readouterr().err == (
        "headline: nowhere.yaml: no such file; run in the folder that holds it\n"
    )


def test_docs_and_table_are_made_from_the_results():
    """Run `python -m benchmarks.headline table` when this fails."""
    setting = Setting(Params(), {}, Path("nowhere"))
    rows, pages = command._summary(setting)
    assert json.loads(setting.results.with_name("table.json").read_text()) == rows
    for page, sections in pages.items():
        for name, body in sections.items():
            assert f"<!-- {name} -->\n{body}\n<!-- end {name} -->" in page.read_text()
