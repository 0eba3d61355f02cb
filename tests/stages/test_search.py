"""The search stage by short trainings, in this process; the other method runs in the pipeline."""

from collections.abc import Callable
from pathlib import Path

import pytest

from fbnet.costs.macs import macs_table
from fbnet.faces.faceset import FaceSet
from fbnet.files import read_csv, read_json, write_json
from fbnet.params import PredictorParams, RetrainParams, SearchParams, SpaceParams, TrainParams
from fbnet.progress import no_log
from fbnet.search.finetune import inherited_nets
from fbnet.training.checkpoints import load_weights
from stages import search
from stages.params import Params
from stages.results import Results

SHORT = PredictorParams(nets=4, rungs=(1, 2), rounds=1, top=1, pool=50, batch=16, lr=1e-3)
Searched = Callable[..., Results]


@pytest.fixture
def searched(
    tmp_path: Path, faces: FaceSet, space: SpaceParams, monkeypatch: pytest.MonkeyPatch
) -> Searched:
    """Runs the stage in a folder of its own, with these params of `train`."""

    def run(folder: str, **train: int) -> Results:
        results = Results(tmp_path / folder / "results")
        faces.save(results.faces)
        write_json(results.lut("macs"), macs_table(space, faces.points, faces.size))
        params = Params(
            space="own",
            spaces={"own": space},
            search=SearchParams(method="predictor", cost="macs", predictor=SHORT, augment=False),
            train=TrainParams(threads=1, **train),
        )
        monkeypatch.chdir(tmp_path / folder)
        monkeypatch.setattr(search, "stage_code", lambda stage: [])  # dvc.yaml is not here
        search.main(params, results, no_log)
        return results

    return run


def test_it_leaves_what_the_other_method_leaves(
    searched: Searched, faces: FaceSet, space: SpaceParams
) -> None:
    results = searched("one", devices=1)
    left = {path.name for path in results.folder("search").iterdir()}
    assert left >= {
        "architecture.json", "supernet.safetensors", "history.csv", "history.png", "metrics.json",
        "candidates.csv", "probabilities.csv", "probabilities.png",
    }  # fmt: skip
    record = read_json(results.searched)
    assert (record["space"], record["points"], record["size"]) == ("own", faces.points, faces.size)
    assert len(read_csv(results.folder("search") / "candidates.csv")) == len(record["candidates"])
    weights = load_weights(results.supernet)
    net, _, inherited = inherited_nets(record["choice"], faces, space, weights, RetrainParams())
    assert inherited == len(net.state_dict())
    assert not list(Path(".checkpoints").glob("search/*/nets"))


def test_how_many_train_at_once_changes_no_byte(searched: Searched) -> None:
    one, two = (searched(folder, devices=n).folder("search") for folder, n in (("a", 1), ("b", 2)))
    for path in one.iterdir():
        assert path.read_bytes() == (two / path.name).read_bytes(), path.name
