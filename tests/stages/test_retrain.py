"""What the retrain stage refuses before it trains."""

from collections.abc import Callable
from pathlib import Path

import pytest

from fbnet.errors import BadInput
from fbnet.faces.faceset import FaceSet
from fbnet.files import write_json
from fbnet.progress import no_log
from stages import retrain
from stages.params import Params
from stages.results import Results
from tests.drawn import make_faces

__all__ = ["make_faces"]


def test_faces_of_other_points_than_the_search_s(
    tmp_path: Path, make_faces: Callable[..., FaceSet]
) -> None:
    results = Results(tmp_path)
    make_faces(points=68).save(results.faces)
    record = {"points": 106, "size": 112, "choice": [], "candidates": [[]]}
    write_json(results.searched, record)
    told = r"architecture\.json: a net of 106 points, and the faces have 68; .*--points 68"
    with pytest.raises(BadInput, match=told):
        retrain.main(Params(), results, no_log)
