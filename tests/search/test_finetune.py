"""Fine-tuning: inherits every matching tensor, pose net included, and keeps the best candidate."""

import csv
import json
from pathlib import Path
from typing import Literal

import pytest
import torch

from fbnet.faces.faceset import FaceSet
from fbnet.metrics import mean_face
from fbnet.nets.pfld import build_auxnet
from fbnet.params import RetrainParams, SpaceParams
from fbnet.search.finetune import Trained, best_of, finetune, inherited_nets, write_results
from fbnet.search.supernet import build_supernet
from fbnet.training.checkpoints import load_weights

CHOICE = ("sep_k3", "mb_k3", "skip")


@pytest.fixture
def supernet(faces: FaceSet, space: SpaceParams) -> dict[str, torch.Tensor]:
    net = build_supernet(space, faces.points, faces.size, seed=3)
    pose = build_auxnet(faces.size, seed=3)
    named = {f"net.{k}": v for k, v in net.state_dict().items()}
    return named | {f"pose.{k}": v for k, v in pose.state_dict().items()}


def test_inherits_all_and_says_so(
    faces: FaceSet,
    space: SpaceParams,
    supernet: dict[str, torch.Tensor],
    capsys: pytest.CaptureFixture[str],
) -> None:
    params = RetrainParams(
        epochs=1, min_steps=0, lr=1e-12, warmup_epochs=0.0, batch=64, loss="pose_wing"
    )
    trained = finetune(CHOICE, faces, space, supernet, params)
    total = len(trained.weights)
    assert trained.inherited == total
    assert f"inherits {total} of {total} tensors" in capsys.readouterr().out
    kept = trained.weights["layers.1.ir_block.0.weight"]
    assert torch.allclose(kept, supernet["net.layers.1.blocks.mb_k3.ir_block.0.weight"])


def test_the_pose_net_is_inherited_too(
    faces: FaceSet, space: SpaceParams, supernet: dict[str, torch.Tensor]
) -> None:
    _, pose, _ = inherited_nets(CHOICE, faces, space, supernet, RetrainParams(seed=9))
    assert all(torch.equal(v, supernet[f"pose.{k}"]) for k, v in pose.state_dict().items())


def test_without_a_supernet_starts_afresh(faces: FaceSet, space: SpaceParams) -> None:
    params = RetrainParams(epochs=1, min_steps=0, warmup_epochs=0.0)
    trained = finetune(CHOICE, faces, space, {}, params)
    assert trained.inherited == 0


def test_what_is_not_inherited_starts_as_params_say(
    faces: FaceSet, space: SpaceParams, supernet: dict[str, torch.Tensor]
) -> None:
    def bias(start: Literal["mean_face", "nni"], weights: dict[str, torch.Tensor]) -> torch.Tensor:
        params = RetrainParams(start=start)
        net, _, _ = inherited_nets(CHOICE, faces, space, weights, params)
        return net.fc.bias.detach()

    landmarks = faces.landmarks[faces.indices("train")]
    mean = torch.from_numpy(mean_face(landmarks).astype("float32")).flatten()
    assert torch.equal(bias("mean_face", {}), mean) and not bias("nni", {}).any()
    assert torch.equal(bias("mean_face", supernet), supernet["net.fc.bias"])


def test_the_best_candidate_is_written(tmp_path: Path, faces: FaceSet) -> None:
    def trained(name: str, nme: float) -> Trained:
        return Trained((name,), 0, nme, 1, {"w": torch.full((2,), nme)}, [{"epoch": 1.0}])

    candidates = [trained("a", 0.2), trained("b", 0.1)]
    write_results(best_of(candidates), candidates, "s", faces, tmp_path)
    written = json.loads((tmp_path / "architecture.json").read_text())
    kind = {"points": faces.points, "size": faces.size}
    assert written == {"space": "s", **kind, "choice": ["b"]}
    assert load_weights(tmp_path / "subnet.safetensors")["w"].tolist() == pytest.approx([0.1, 0.1])
    rows = list(csv.DictReader((tmp_path / "candidates.csv").read_text().splitlines()))
    assert [row["choice"] for row in rows] == ["a", "b"]
    assert json.loads((tmp_path / "metrics.json").read_text())["retrain_val_nme"] == 0.1
