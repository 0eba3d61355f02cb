"""What the retrain stage refuses before it trains."""

from collections.abc import Callable
from pathlib import Path

import pytest

from fbnet.errors import BadInput
from fbnet.faces.faceset import FaceSet
from fbnet.files import write_json
from fbnet.params import RetrainParams, TrainParams
from fbnet.progress import no_log
from stages import retrain
from stages.params import Params
from stages.results import Results
from tests.drawn import make_faces

__all__ = ["make_faces"]


@pytest.mark.parametrize(
    ("points", "size", "told"),
    [
        (
            106,
            112,
            r"architecture\.json: a net of 106 points, .* have 68; .*--points 68",
        ),
        (68, 64, r"architecture\.json: a net for 64 px, and the faces are of 112 px"),
    ],
)
def test_faces_of_other_points_or_size_than_the_search_s(
    tmp_path: Path, make_faces: Callable[..., FaceSet], points: int, size: int, told: str
) -> None:
    results = Results(tmp_path)
    make_faces(points=68, size=112).save(results.faces)
    record = {"points": points, "size": size, "choice": [], "candidates": [[]]}
    write_json(results.searched, record)
    with pytest.raises(BadInput, match=told):
        retrain.main(Params(), results, no_log)


def test_an_architecture_alone_is_enough_from_scratch(
    tmp_path: Path, make_faces: Callable[..., FaceSet], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a supernet nor a list of candidates, as `retrain` itself writes it."""
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    results, space = Results(tmp_path), Params().search_space
    make_faces(points=68, size=112).save(results.faces)
    choice = [ops[0] for ops in space.layer_ops]
    write_json(results.searched, {"space": "nni", "points": 68, "size": 112, "choice": choice})
    short = {"inherit": False, "epochs": 1, "min_steps": 0, "warmup_epochs": 0.0, "batch": 8}
    params = Params(retrain=RetrainParams(**short), train=TrainParams(devices=1))
    assert retrain.main(params, results, no_log).startswith(" ".join(choice))
    assert results.subnet.is_file()
