from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from fbnet.costs.macs import Count, count, count_net, macs_table
from fbnet.nets.pfld import build_subnet
from fbnet.params import NNI_SPACE

GOLDEN = Path(__file__).parents[1] / "golden/nni_values.npz"

# Folded parameters of NNI's space; from the layers' widths by hand.
STAGE_0 = [2432, 4832, 4832, 2944, 5856, 1376, 1888, 688, 944]
LAYER_2 = [6912, 13760, 14208, 6912, 4000, 7936, 6624, 15232, 1888]
LAYERS_3_4 = [17856, 35648, 40640, 17856, 9984, 19904, 17280, 42688, 2912]


@pytest.fixture(scope="module")
def table() -> dict:
    return macs_table(NNI_SPACE, 106)


def figures(table: dict, layer: int, key: str) -> list[int]:
    return [table["layers"][layer]["blocks"][b][key] for b in NNI_SPACE.layer_ops[layer]]


def test_macs_are_nnis(table: dict) -> None:
    golden = np.load(GOLDEN)["lut_macs"]
    assert [figures(table, i, "macs") for i in range(5)] == golden.tolist()


def test_folded_parameters(table: dict) -> None:
    expected = [STAGE_0, STAGE_0, LAYER_2, LAYERS_3_4, LAYERS_3_4]
    assert [figures(table, i, "params") for i in range(5)] == expected
    assert table["fixed"] == {"macs": 5_204_592, "params": 95_444}


def test_the_range_of_the_space(table: dict) -> None:
    searchable = [figures(table, i, "macs") for i in range(5)]
    assert sum(map(min, searchable)) == pytest.approx(0.63e6, rel=0.01)
    assert sum(map(max, searchable)) == pytest.approx(6.93e6, rel=0.01)


def test_entries_and_the_fixed_part_add_up_to_a_net(table: dict) -> None:
    choice = tuple(ops[-1] for ops in NNI_SPACE.layer_ops)
    total = count_net(NNI_SPACE, 106, choice)
    parts = [layer["blocks"][b] for layer, b in zip(table["layers"], choice, strict=True)]
    for key in ("macs", "params"):
        assert table["fixed"][key] + sum(part[key] for part in parts) == getattr(total, key)


def test_a_real_net_is_counted_the_same_and_left_as_it_was() -> None:
    choice = tuple(ops[2] for ops in NNI_SPACE.layer_ops)
    net = build_subnet(NNI_SPACE, 68, choice)
    before = {k: v.clone() for k, v in net.state_dict().items()}
    assert count(net, (1, 3, 112, 112)) == count_net(NNI_SPACE, 68, choice)
    assert net.training
    assert all(torch.equal(before[k], v) for k, v in net.state_dict().items())
    assert not any(m._forward_hooks for m in net.modules())


def test_biases_and_linear_layers_count() -> None:
    net = nn.Sequential(nn.Conv2d(4, 6, 3, groups=2), nn.Flatten(), nn.Linear(6, 5))
    assert count(net, (1, 4, 3, 3)) == Count(6 * 2 * 9 + 30, 6 * 2 * 9 + 6 + 30 + 5)
