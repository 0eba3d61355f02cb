"""What a page sends back becomes a table under the device's name, or nothing."""

from pathlib import Path

import pytest

from fbnet.costs.device_lut import device_table
from fbnet.errors import BadInput
from fbnet.params import LutParams
from fbnet.web.measured import take
from tests.web.conftest import CONTENTS, SPACE

HEAD = "name,n,min,median,mean,std,ci,engine,version,cpu,threads,program\n"


def csv_of(cpu: str) -> str:
    """Results that fit together: a base of 1 ms, blocks of 0.5 and more, nets as their sums."""
    keys = CONTENTS.keys()
    cost = {key: 0.5 + 0.01 * i for i, key in enumerate(keys.values())}
    values = {}
    for name, key in keys.items():
        if name.startswith("base"):
            values[name] = 1.0
        elif name.startswith("net"):
            values[name] = 2.0 + sum(next(c for k, c in cost.items() if k[0] == b) for b in key)
        else:
            values[name] = 1.0 + cost[key]
    rows = (
        f'{name},9,{value},{value},{value},0,0.01,onnxruntime-web,1,"{cpu}",1,fbnet web\n'
        for name, value in values.items()
    )
    return HEAD + "".join(rows)


def test_the_table_is_one_that_the_search_takes(kit: Path, tmp_path: Path) -> None:
    answer = take(csv_of("Pixel 8, Android: 9 cores"), kit, tmp_path / "device")
    path = tmp_path / "device/pixel-8-android-9-cores.json"
    assert answer == {"table": str(path), "error": pytest.approx(0.0)}
    params = LutParams(source="file", file=str(path))
    table = device_table(SPACE, CONTENTS.points, params, CONTENTS.size)
    assert table["protocol"]["program"] == "fbnet web"
    assert (table["engine"], table["cpu"]) == ("onnxruntime-web", "Pixel 8, Android: 9 cores")
    again = take(csv_of("Pixel 8, Android: 9 cores"), kit, tmp_path / "device")
    assert again["table"] == str(path.with_name("pixel-8-android-9-cores-2.json"))
    assert take(csv_of("../.."), kit, tmp_path / "device")["table"].endswith("device/device.json")


def test_a_table_of_another_origin_stays(kit: Path, tmp_path: Path) -> None:
    (tmp_path / "a-phone.json").write_text("mine")
    assert take(csv_of("A phone"), kit, tmp_path)["table"] == str(tmp_path / "a-phone-2.json")
    assert (tmp_path / "a-phone.json").read_text() == "mine"


def test_what_cannot_be_a_table_leaves_nothing(kit: Path, tmp_path: Path) -> None:
    lines = csv_of("A phone").splitlines(keepends=True)
    with pytest.raises(BadInput, match=r"a-phone\.csv: model \S+: not measured"):
        take("".join(lines[:-1]), kit, tmp_path)
    with pytest.raises(BadInput, match="no latency in it"):
        take("hello", kit, tmp_path)
    assert list(tmp_path.iterdir()) == []
