import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fbnet.costs.lut import (
    Lut,
    cost_of,
    cost_range,
    expected_cost,
    from_json,
    from_table,
    reference_cost,
)
from fbnet.costs.macs import macs_table
from fbnet.errors import BadInput
from fbnet.files import write_json
from fbnet.params import NNI_SPACE

GOLDEN = Path(__file__).parents[1] / "golden/nni_values.npz"
FIRST = tuple(ops[0] for ops in NNI_SPACE.layer_ops)


@pytest.fixture(scope="module")
def table() -> dict:
    return macs_table(NNI_SPACE, 106)


@pytest.fixture
def path(table: dict, tmp_path: Path) -> Path:
    write_json(tmp_path / "macs.json", table)
    return tmp_path / "macs.json"


def changed(table: dict, keys: list, value: Any, path: Path) -> None:
    """Write `table` with the value at `keys` replaced, or taken out where it is None."""
    copy = json.loads(json.dumps(table))
    part = copy
    for key in keys[:-1]:
        part = part[key]
    if value is None:
        del part[keys[-1]]
    else:
        part[keys[-1]] = value
    path.write_text(json.dumps(copy))


def test_the_order_is_the_spaces_though_json_sorts(path: Path) -> None:
    lut = from_json(path, NNI_SPACE)
    assert [tuple(layer) for layer in lut.layers] == list(NNI_SPACE.layer_ops)
    golden = np.load(GOLDEN)["lut_macs"]
    assert [list(layer.values()) for layer in lut.layers] == golden.tolist()
    assert (lut.unit, lut.fixed) == ("MACs", 5_204_592)


def test_the_expected_cost_is_nnis_plus_the_fixed_part(path: Path) -> None:
    lut = from_json(path, NNI_SPACE)
    golden = np.load(GOLDEN)
    masks = [torch.from_numpy(mask).requires_grad_() for mask in golden["masks"]]
    cost = expected_cost(lut, masks)
    assert cost.item() == pytest.approx(float(golden["perf_cost"]) + lut.fixed, rel=1e-6)
    cost.backward()
    assert masks[2].grad.tolist() == golden["lut_macs"][2].tolist()


def test_costs_of_choices(path: Path) -> None:
    lut = from_json(path, NNI_SPACE)
    golden = np.load(GOLDEN)["lut_macs"]
    assert cost_of(lut, FIRST) == lut.fixed + golden[:, 0].sum()
    assert reference_cost(lut) == pytest.approx(lut.fixed + golden.mean(1).sum())
    assert cost_range(lut) == (lut.fixed + golden.min(1).sum(), lut.fixed + golden.max(1).sum())
    with pytest.raises(BadInput, match="layer 0: no entry for block skip"):
        cost_of(lut, ("skip", *FIRST[1:]))


def test_of_a_latency_the_median_counts(table: dict, tmp_path: Path) -> None:
    latency = json.loads(json.dumps(table)) | {"unit": "ms", "fixed": {"median": 0.2, "min": 0.1}}
    for layer in latency["layers"]:
        layer["blocks"] = {b: {"min": 1.0, "median": 2.0} for b in layer["blocks"]}
    write_json(tmp_path / "latency.json", latency)
    lut = from_json(tmp_path / "latency.json", NNI_SPACE)
    assert (lut.unit, cost_of(lut, FIRST)) == ("ms", 10.2)


def test_the_error_of_a_table_is_its_own_figure_or_that_of_its_reference_nets(table: dict) -> None:
    lut = from_table(table, NNI_SPACE)
    assert (lut.error, lut.size) == (0.0, 112)
    cost = cost_of(lut, FIRST)
    nets = [{"choice": list(FIRST), "median": cost * share} for share in (1.25, 0.8)]
    measured = table | {"fixed": table["fixed"] | {"references": nets}}
    assert from_table(measured, NNI_SPACE).error == pytest.approx((0.2 + 0.25) / 2)
    assert from_table(measured | {"mape": 0.03}, NNI_SPACE).error == 0.03


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (["layers", 3, "blocks", "gh_k5"], None, r"layer 3: no entry for block gh_k5 at 7x7"),
        (["layers", 3, "blocks", "gh_k5"], {}, r"layers\.3\.blocks\.gh_k5\.macs is missing"),
        (["layers", 4], None, r"layers\.4\.c_in is missing"),
        (["layers", 2, "stride"], 1, r"layer 2: stride is 1, the space has 2"),
        (["layers", 2, "blocks", "gh_k5", "macs"], -1, r"layer 2, block gh_k5: cost -1"),
        (["layers", 2, "blocks", "gh_k5", "macs"], 0, r"layer 2, block gh_k5: cost 0"),
        (["layers", 2, "blocks", "gh_k5", "macs"], float("nan"), r"block gh_k5: cost nan"),
        (["fixed", "macs"], -1, r"fixed part costs -1"),
        (["unit"], "parsec", r"unit is 'parsec'"),
        (["size"], None, r"size is missing"),
        (["protocol"], {"threads": "two"}, r"protocol\.threads is 'two': input should be a valid"),
        (["protocol"], {"threads": 0}, r"protocol\.threads is 0: input should be greater than"),
        (["protocol"], {"batch": "x"}, r"protocol\.batch is 'x'"),
    ],
)
def test_faults_are_named(table: dict, keys: list, value: Any, message: str, path: Path) -> None:
    changed(table, keys, value, path)
    with pytest.raises(BadInput, match=message):
        from_json(path, NNI_SPACE)


def test_only_skip_may_cost_nothing() -> None:
    Lut("MACs", ({"skip": 0.0, "sep_k3": 1.0},), 0.0, "test")
    with pytest.raises(BadInput, match="test: layer 0, block sep_k3: cost 0"):
        Lut("MACs", ({"skip": 0.0, "sep_k3": 0.0},), 0.0, "test")
