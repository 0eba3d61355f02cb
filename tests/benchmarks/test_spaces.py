"""The nets that stand for spaces, and their table."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks import spaces
from benchmarks.core.jobs import Job
from benchmarks.core.ledger import Ledger
from benchmarks.spaces import ENGINES, NETS, SEEDS, Net, summary
from fbnet.costs.macs import count_net
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
    monkeypatch.setattr(spaces, "NETS", {name: NETS[name] for name in ("nni", "plain", "wide")})
    ledger = Ledger(tmp_path / "results", tmp_path / "work")

    def record(name: str, result: dict[str, Any]) -> None:
        ledger.run([Job(name, {}, lambda job, ledger: result)])

    for seed in SEEDS:
        record(f"nni-{seed}", {"macs": 7_500_000, "val_nme": f"0.1{seed}", "test_nme": "0.12"})
        record(f"wide-{seed}", {"macs": 8_700_000, "val_nme": "0.10", "test_nme": "0.10"})
    record("plain-1", {"macs": 7_500_000, "val_nme": "0.105", "test_nme": "0.106"})
    for engine in ENGINES:
        record(f"latency_{engine}", {"to_nni": {"nni": 1.0, "plain": 0.85, "wide": 0.88}})
    nni, wide = summary(ledger).figures
    assert nni["val_nme"] == pytest.approx(0.115)
    assert wide["to_nni"] == dict.fromkeys(ENGINES, 0.88)
    (section,) = summary(ledger).pages.values()
    assert "| 11.50 % | 12.00 % | 1.00 | 1.00 |" in section["spaces"]
    assert "plain" not in section["spaces"]
