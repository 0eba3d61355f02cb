"""What the lut stage says of the space: also by a device's table that holds more than that."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from fbnet.faces.faceset import FaceSet
from fbnet.params import LutParams
from fbnet.progress import no_log
from stages import lut
from stages.params import Params
from stages.results import Results
from tests.drawn import make_faces

__all__ = ["make_faces"]


@pytest.mark.parametrize("more", ["", "5,sep_k3,9.0", "6,sep_k3,9.0", "0,twice,9.0"])
def test_what_the_space_lacks_does_not_count(
    tmp_path: Path, make_faces: Callable[..., FaceSet], more: str
) -> None:
    results, space = Results(tmp_path / "results"), Params().search_space
    make_faces(points=68, size=112).save(results.faces)
    rows = [f"{i},{op},0.05" for i, ops in enumerate(space.layer_ops) for op in ops]
    table = tmp_path / "table.csv"
    table.write_text("\n".join(["layer,block,ms", *rows, more, ""]))
    params = Params(lut=LutParams(source="file", file=str(table), file_fixed_ms=0.1))
    assert lut.main(params, results, no_log).endswith(" million MACs and 0.35 to 0.35 ms")
    assert results.picture("lut", "heatmap").is_file()


def test_entries_that_are_not_used_need_no_cost(
    tmp_path: Path, make_faces: Callable[..., FaceSet]
) -> None:
    results, space = Results(tmp_path / "results"), Params().search_space
    make_faces(points=68, size=112).save(results.faces)
    blocks = [f"{i},{op},0.05" for i, ops in enumerate(space.layer_ops) for op in ops]
    (tmp_path / "table.csv").write_text("\n".join(["layer,block,ms", *blocks, ""]))
    file = LutParams(source="file", file=str(tmp_path / "table.csv"), file_fixed_ms=0.1)
    lut.main(Params(lut=file), results, no_log)
    table = json.loads(results.lut("latency").read_text())
    table["layers"][0]["blocks"]["other"] = {}
    (tmp_path / "table.json").write_text(json.dumps(table))
    params = Params(lut=LutParams(source="file", file=str(tmp_path / "table.json")))
    assert lut.main(params, results, no_log).endswith("0.35 to 0.35 ms")
