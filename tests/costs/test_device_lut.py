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


def test_a_batch_that_the_engine_does_not_take_is_named(tmp_path: Path) -> None:
    measured = table(0.1) | {"engine": "ncnn", "protocol": {"batch": 2}}
    with pytest.raises(BadInput, match=r"protocol\.batch is 2; ncnn takes at most 1 in a call"):
        device_table(NNI_SPACE, 106, params(measured, tmp_path), 112)
    assert device_table(NNI_SPACE, 106, params(measured | {"engine": "mine"}, tmp_path), 112)


def test_outliers_are_refused_and_what_the_space_lacks_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    entries = table(0.1)
    entries["layers"][0]["blocks"]["conv1x1"] = {"median": 0.1}
    assert device_table(NNI_SPACE, 106, params(entries, tmp_path), 112) == entries | {
        "engine": "file"
    }
    assert "not in the space, so not used: layer 0: conv1x1" in capsys.readouterr().out
    entries["fixed"]["references"] = [{"choice": ["conv1x1"] * 5, "median": 2.0}]
    assert from_table(entries, NNI_SPACE).error == 0
    assert unused_entries(entries, SLOTS[:4])[1] == "layer 4: mb_k3_e2_res"
    for layer in (2, 3):
        entries["layers"][layer]["blocks"]["gh_k5"]["median"] = 99.0
    with pytest.raises(BadInput, match=r"^2 faults: .*layer 2, block gh_k5: cost 99 ms.*layer 3"):
        device_table(NNI_SPACE, 106, params(entries, tmp_path), 112)


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("engine", None, ""),
        ("size", "112x112", "size is '112x112'"),
        ("size", None, "size is None"),
        ("points", "106", ""),
        ("points", "many", "points is 'many'"),
        ("points", 68, "of nets with 68 points, the faces have 106"),
        ("layers", None, "layers is None"),
        ("fixed", {"median": 1e300}, "fixed part of 1e.300 ms is over 1000 times"),
        ("fixed", {"median": "0.1 ms"}, "fixed.median is '0.1 ms'"),
        ("fixed", {"median": "0.1"}, "fixed.median is '0.1': write a number, without quotes"),
        ("fixed", {"median": None}, "fixed.median is None"),
        ("fixed", {"median": 1.0, "references": [{"choice": "x", "median": 1}]}, "choice is 'x'"),
        ("protocol", None, "protocol is None"),
        ("mape", "small", "mape is 'small'"),
    ],
)
def test_tables_written_by_hand(tmp_path: Path, key: str, value: Any, reason: str) -> None:
    entries = table(0.1) | {key: value}
    if not reason:
        assert device_table(NNI_SPACE, 106, params(entries, tmp_path), 112)["engine"] == "file"
        return
    with pytest.raises(BadInput, match=reason) as caught:
        device_table(NNI_SPACE, 106, params(entries, tmp_path), 112)
    assert "dev.json: " in str(caught.value) and "\n" not in str(caught.value)


def test_a_cost_with_its_unit_is_named(tmp_path: Path) -> None:
    entries = table(0.1)
    entries["layers"][0]["blocks"]["sep_k3"]["median"] = "0.1 ms"
    entries["layers"][1]["blocks"]["sep_k3"] = None
    with pytest.raises(BadInput, match=r"layers\.1\.blocks\.sep_k3 is None"):
        device_table(NNI_SPACE, 106, params(entries, tmp_path), 112)
    entries["layers"][1]["blocks"]["sep_k3"] = {"median": 0.1}
    with pytest.raises(BadInput, match=r"layers\.0\.blocks\.sep_k3\.median is '0\.1 ms'"):
        device_table(NNI_SPACE, 106, params(entries, tmp_path), 112)


def write_csv(tmp_path: Path, separator: str, point: str, scale: float, unit: str) -> LutParams:
    """The table of `table(0.1)` as three columns."""
    rows = [["layer", "block", unit], ["fixed", "", "1"]]
    for i, layer in enumerate(table(0.1)["layers"]):
        for block, entry in layer["blocks"].items():
            rows.append([str(i), block, repr(entry["median"] * scale).replace(".", point)])
    text = "\r\n".join(separator.join(row) for row in rows)
    (tmp_path / "dev.CSV").write_bytes(text.encode("utf-8-sig"))
    return LutParams(source="file", file=str(tmp_path / "dev.CSV"))


def test_a_csv_without_a_block_or_with_two_fixed_parts(tmp_path: Path) -> None:
    path = tmp_path / "dev.csv"
    given = LutParams(source="file", file=str(path))
    path.write_text("layer,block,ms\nfixed,,1\n")
    with pytest.raises(BadInput, match=r"dev\.csv:1: holds no block's cost"):
        device_table(NNI_SPACE, 106, given, 112)
    path.write_text("layer,block,ms\nfixed,,1\nfixed,,2\n")
    with pytest.raises(BadInput, match=r"dev\.csv:3: fixed has another cost further up"):
        device_table(NNI_SPACE, 106, given, 112)


@pytest.mark.parametrize(("separator", "point"), [(",", "."), (";", ","), ("\t", ".")])
def test_a_csv_of_three_columns(tmp_path: Path, separator: str, point: str) -> None:
    read = device_table(NNI_SPACE, 106, write_csv(tmp_path, separator, point, 1.0, "ms"), 112)
    expected = from_table(table(0.1), NNI_SPACE)
    assert from_table(read, NNI_SPACE).layers == expected.layers
    assert (read["fixed"]["median"], read["engine"]) == (1.0, "file")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("layer,block,ms", "layer,block,cost", r"CSV:1: needs the headings layer, block and ms"),
        ("0,sep_k3,", "0,sep_k3,x", r"CSV:\d+: ms is 'x"),
        ("0,sep_k3,", "first,sep_k3,", r"CSV:\d+: layer is 'first'; write 0, 1, ... or fixed"),
        ("0,sep_k3,", "1,sep_k3,9", r"CSV:\d+: block sep_k3 has another cost further up"),
        ("0,sep_k3,", "7,sep_k3,", "layer 0: no entry for block sep_k3"),
        ("0,sep_k3,", "0,sep_k3,,", r"CSV:\d+: 4 cells under 3 headings"),
    ],
)
def test_a_wrong_csv_is_named_by_line(tmp_path: Path, old: str, new: str, reason: str) -> None:
    given = write_csv(tmp_path, ",", ".", 1.0, "ms")
    path = Path(given.file)
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(BadInput, match=reason):
        device_table(NNI_SPACE, 106, given, 112)


def test_milliseconds_taken_for_microseconds_are_noticed(tmp_path: Path) -> None:
    given = write_csv(tmp_path, ",", ".", 0.1, "us")
    with pytest.raises(BadInput, match=r"no device does\. Are these ms taken for us"):
        device_table(NNI_SPACE, 106, given, 112)
