"""Tables measured elsewhere: what is named, and what is let through."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from fbnet.costs.device_lut import device_table, outliers, unused_entries
from fbnet.costs.lut import Lut, from_table
from fbnet.costs.macs import macs_table
from fbnet.errors import BadInput
from fbnet.nets.pfld import slots
from fbnet.params import NNI_SPACE, LutParams

SLOTS = slots(NNI_SPACE)
MACS = macs_table(NNI_SPACE, 106)


def table(overhead: float) -> dict[str, Any]:
    """A device where a MAC takes a nanosecond and each block `overhead` ms more."""
    layers = [
        layer
        | {
            "blocks": {
                b: {"median": v["macs"] * 1e-6 + overhead} for b, v in layer["blocks"].items()
            }
        }
        for layer in MACS["layers"]
    ]
    fixed = {"median": 1.0, "references": []}
    return {"unit": "ms", "points": 106, "size": 112, "layers": layers, "fixed": fixed}


def changed(factor: float, overhead: float, layer: int, block: str) -> Lut:
    lut = from_table(table(overhead), NNI_SPACE, "dev.json")
    layers = [dict(costs) for costs in lut.layers]
    layers[layer][block] *= factor
    return dataclasses.replace(lut, layers=tuple(layers))


@pytest.mark.parametrize("overhead", [0.0, 0.3, 30.0])
@pytest.mark.parametrize("factor", [1.0, 2.0, 0.5])
def test_an_even_table_has_no_outlier_whatever_dominates(overhead: float, factor: float) -> None:
    assert outliers(changed(factor, overhead, 3, "mb_k3_e4_res"), SLOTS) == []


@pytest.mark.parametrize("overhead", [0.0, 0.3, 30.0])
@pytest.mark.parametrize("factor", [1000.0, 0.001, 12.0])
def test_a_wrong_unit_or_digit_is_an_outlier(overhead: float, factor: float) -> None:
    (fault,) = outliers(changed(factor, overhead, 2, "mb_k5_e2_res"), SLOTS)
    assert fault.startswith("dev.json: layer 2, block mb_k5_e2_res: cost ")
    assert "times the table's median" in fault and fault.endswith("measure it again")


def params(value: Any, tmp_path: Path) -> LutParams:
    (tmp_path / "dev.json").write_text(json.dumps(value))
    return LutParams(source="file", file=str(tmp_path / "dev.json"))


def test_all_faults_stand_in_one_error(tmp_path: Path) -> None:
    entries = table(0.1)
    del entries["layers"][0]["blocks"]["sep_k3"]
    entries["layers"][1]["blocks"]["gh_k3"]["median"] = 0
    entries["layers"][4]["blocks"]["gh_k5"]["median"] = -1.0
    with pytest.raises(BadInput) as caught:
        device_table(NNI_SPACE, 106, params(entries, tmp_path), 112)
    message = str(caught.value)
    assert message.startswith("3 faults: ") and "\n" not in message
    for part in ("layer 0: no entry for block sep_k3", "layer 1, block gh_k3: cost 0.0", "cost -1"):
        assert part in message


def test_outliers_are_refused_and_what_the_space_lacks_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    entries = table(0.1)
    entries["layers"][0]["blocks"]["conv1x1"] = {"median": 0.1}
    assert device_table(NNI_SPACE, 106, params(entries, tmp_path), 112) == entries
    assert "not in the space, so not used: layer 0: conv1x1" in capsys.readouterr().out
    assert unused_entries(entries, SLOTS[:4])[1] == "layer 4: mb_k3_e2_res"
    for layer in (2, 3):
        entries["layers"][layer]["blocks"]["gh_k5"]["median"] = 99.0
    with pytest.raises(BadInput, match=r"^2 faults: .*layer 2, block gh_k5: cost 99 ms.*layer 3"):
        device_table(NNI_SPACE, 106, params(entries, tmp_path), 112)
