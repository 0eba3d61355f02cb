"""The nets that stand for spaces, and their table."""

from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.core.jobs import Job
from benchmarks.core.ledger import Ledger
from benchmarks.spaces import ENGINES, FRONT, NETS, SEEDS, Net
from benchmarks.spaces import __main__ as declared
from benchmarks.spaces import table as page
from benchmarks.spaces.table import summary
from benchmarks.spaces.work import spaces
from fbnet.costs.lut import cost_range, from_table
from fbnet.costs.macs import count_net, macs_table
from fbnet.nets.pfld import build_subnet, slots
from fbnet.params import NNI_SPACE


@pytest.mark.parametrize("net", NETS.values(), ids=NETS)
def test_every_net_is_an_architecture_of_its_space(net: Net) -> None:
    built = build_subnet(net.space, 106, net.choice, net.size)
    assert built.size == net.size
    shapes = [(s.c_out, s.stride) for s in slots(net.space, net.size)]
    assert shapes == [
        (channels, stride if layer == 0 else 1)
        for channels, stride, blocks in net.stages
        for layer in range(len(blocks))
    ]


@pytest.mark.parametrize("name", ["nni", "nni_best"])
def test_nni_nets_are_of_nni_space(name: str) -> None:
    net = NETS[name]
    assert count_net(net.space, 106, net.choice) == count_net(NNI_SPACE, 106, net.choice)


def test_the_table_has_the_nets_that_are_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "NETS", {name: NETS[name] for name in ("nni", "plain", "wide")})
    ledger = Ledger(tmp_path / "results", tmp_path / "work")

    def record(name: str, result: dict[str, Any]) -> None:
        ledger.run([Job(name, {}, lambda job, ledger: result)])

    for seed in SEEDS:
        record(f"nni-{seed}", {"macs": 7_500_000, "val_nme": f"0.1{seed}", "test_nme": "0.12"})
        record(f"wide-{seed}", {"macs": 8_700_000, "val_nme": "0.10", "test_nme": "0.10"})
    record("plain-1", {"macs": 7_500_000, "val_nme": "0.105", "test_nme": "0.106"})
    for engine in ENGINES:
        record(f"latency_{engine}", {"latency_ms": {"nni": 0.5, "plain": 0.4, "wide": 0.44}})
    nni, wide = summary(ledger).figures["stated"]
    assert nni["val_nme"] == pytest.approx(0.115)
    assert wide["to_first"] == dict.fromkeys(ENGINES, pytest.approx(0.88))
    (section,) = summary(ledger).pages.values()
    assert "| 11.50 % | 12.00 % | 1.00 | 1.00 |" in section["spaces"]
    assert "plain" not in section["spaces"]


def test_budgets_lie_in_their_spaces() -> None:
    for space, size, macs in FRONT.values():
        low, _ = cost_range(from_table(macs_table(spaces()[space], 106, size), spaces()[space]))
        assert low < macs


def test_what_was_found_is_trained_and_timed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    budgets = {name: FRONT[name] for name in ("nni_7.5", "mobile_small_4")}
    for module in (declared, page):
        monkeypatch.setattr(module, "FRONT", budgets)
        monkeypatch.setattr(module, "NETS", {})
    monkeypatch.setattr(declared, "_faces", lambda size, given, ledger: (tmp_path, "faces"))
    ledger = Ledger(tmp_path / "results", tmp_path / "work")

    def names() -> set[str]:
        return {job.name for job in declared.jobs(Namespace(), ledger)} - {
            f"latency_{engine}" for engine in ENGINES
        }

    searches = {f"searched/{name}" for name in budgets}
    assert names() == searches
    results: dict[str, dict[str, Any]] = {
        f"searched/{name}": {"choice": [ops[0] for ops in spaces()[budget.space].layer_ops]}
        for name, budget in budgets.items()
    }
    for number, name in enumerate(budgets):
        for seed in SEEDS:
            nme = 0.10 + 0.01 * number
            results[f"front/{name}-{seed}"] = {"macs": 7e6, "val_nme": nme, "test_nme": nme}
    for engine in ENGINES:
        medians = {f"front/{name}": 0.5 - 0.2 * n for n, name in enumerate(budgets)}
        results[f"front/latency_{engine}"] = {"latency_ms": medians}
    for name in searches:
        ledger.run([Job(name, {}, lambda job, ledger: results[job.name])])
    assert names() == set(results)
    for name in set(results) - searches:
        ledger.run([Job(name, {}, lambda job, ledger: results[job.name])])
    made = summary(ledger)
    (sections,) = made.pages.values()
    assert "| mobile_small, 96 | 4 | skip skip skip skip | 7.00 | 11.00 % |" in sections["fronts"]
    assert sections["fronts"].endswith("| 0.60 | 0.60 |")
    made.pictures["front.png"](tmp_path / "front.png")
    assert (tmp_path / "front.png").stat().st_size > 1000
