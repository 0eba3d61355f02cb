"""Two tables compared layer by layer."""

from argparse import Namespace

import pytest

from benchmarks.core.ledger import Ledger
from benchmarks.tables import IN_PAGE, KIT, NATIVE, WEB, compare, jobs, summary
from fbnet.engines import ENGINES
from fbnet.files import write_json

INSTALLED = [name for name, engine in ENGINES.items() if engine.installed and engine.runs_here]


def table(*layers):
    return {
        "layers": [
            {"blocks": {f"b{i}": {"median": cost} for i, cost in enumerate(costs)}}
            for costs in layers
        ]
    }


def test_equal_order_is_1_and_turned_order_is_minus_1():
    compared = compare(table((1, 2, 3), (1, 2, 3)), table((2, 4, 6), (3, 2, 1)))
    assert compared["spearman"] == [pytest.approx(1), pytest.approx(-1)]
    assert compared["difference"] == pytest.approx((1 + 1 + 1 + 2 + 0 + 2 / 3) / 6)


def test_a_job_for_each_engine_and_for_a_kit(tmp_path):
    kit = tmp_path / "kit.json"
    write_json(kit, {})
    ledger = Ledger(tmp_path, tmp_path)
    assert [job.name for job in jobs(Namespace(kit=None, web=False), ledger)] == INSTALLED
    assert [job.name for job in jobs(Namespace(kit=kit, web=False), ledger)] == [*INSTALLED, KIT]
    with_pages = [job.name for job in jobs(Namespace(kit=None, web=True), ledger)]
    assert with_pages == [*INSTALLED, *IN_PAGE, NATIVE]


def test_a_line_for_each_table(tmp_path):
    figures = compare(table((1, 2, 3)), table((1, 2, 3)))
    write_json(tmp_path / f"{KIT}.json", {"result": figures})
    write_json(tmp_path / "mnn.json", {"result": figures | {"seconds": [9.6, 10.2]}})
    page = {"seconds": [44.4, 43.5], "mape": [0.011, 0.02], "table": {}}
    write_json(tmp_path / f"{WEB}.json", {"result": figures | page})
    factors = {"ratios": {"0 b0": 5.04, "0 b1": 12.5}}
    write_json(tmp_path / f"{NATIVE}.json", {"result": figures | factors})
    ((_, sections),) = summary(Ledger(tmp_path, tmp_path)).pages.items()
    assert sections["tables"].splitlines()[2:] == [
        "| mnn | 1.000 | 0.0% | 10, 10 |  |",
        "| onnxruntime, kit | 1.000 | 0.0% |  |  |",
        "| onnxruntime-web, Chromium | 1.000 | 0.0% | 44, 44 | 1.1%, 2.0% |",
        "| onnxruntime, against Chromium's | 1.000 | factors 5.0 to 12.5 |  |  |",
    ]  # fmt: skip
