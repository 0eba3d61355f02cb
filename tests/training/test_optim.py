"""Schedule, optimisers and the moving average."""

import math
from itertools import pairwise

import pytest
import torch
from torch import nn

from fbnet.errors import BadInput
from fbnet.tables import OPTIMIZERS
from fbnet.training.optim import MovingAverage, cosine, set_rate


def test_cosine_rises_through_warmup_then_falls_to_zero() -> None:
    rates = [cosine(step, 100, warmup=10) for step in range(101)]
    assert rates[:10] == pytest.approx([(i + 1) / 10 for i in range(10)])
    assert rates[10] == 1.0
    assert all(a > b for a, b in pairwise(rates[10:]))
    assert rates[100] == pytest.approx(0.0, abs=1e-12)
    assert rates[55] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("name", "kind"), [("rmsprop", torch.optim.RMSprop), ("adamw", torch.optim.AdamW)]
)
def test_optimizer_is_what_its_name_says(name: str, kind: type) -> None:
    optimizer = OPTIMIZERS[name](nn.Linear(2, 2).parameters(), lr=0.1, weight_decay=0.01)
    assert type(optimizer) is kind
    set_rate(optimizer, 0.5)
    assert optimizer.param_groups[0]["lr"] == 0.5
    assert optimizer.param_groups[0]["weight_decay"] == 0.01


def test_an_unknown_optimizer_is_refused() -> None:
    with pytest.raises(BadInput, match=r"unknown optimizer 'adam'; .*known: adamw, rmsprop"):
        OPTIMIZERS["adam"]


def test_average_follows_the_documented_decay_and_batch_norm() -> None:
    net = nn.Sequential(nn.Linear(1, 1, bias=False), nn.BatchNorm1d(1))
    average = MovingAverage(net, 0.9)
    expected = 0.0
    for n in range(30):
        net[0].weight.data.fill_(float(n))
        net[1].running_mean.fill_(float(n))
        net[1].num_batches_tracked.fill_(n)
        average.prepare()
        average.update()
        decay = min(0.9, (1 + n) / (10 + n))
        expected = float(n) if n == 0 else decay * expected + (1 - decay) * n
    assert average.module[0].weight.item() == pytest.approx(expected)
    assert average.module[1].running_mean.item() == pytest.approx(expected)
    assert average.module[1].num_batches_tracked.item() == 29


def test_average_with_zero_decay_is_the_net() -> None:
    net = nn.Linear(1, 1)
    average = MovingAverage(net, 0.0)
    for n in range(3):
        net.weight.data.fill_(float(n))
        average.prepare()
        average.update()
    assert average.module.weight.item() == 2.0
    assert math.isfinite(average.module.bias.item())
