"""NNI's checkpoints become weights, architecture and ONNX that compute what NNI computed."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from fbnet.engines.onnxruntime import inference_session
from fbnet.errors import BadInput
from fbnet.export.nni import convert
from fbnet.files import read_json
from fbnet.nets.pfld import build_auxnet
from fbnet.params import NNI_SPACE, RetrainParams
from fbnet.predict.model import OnnxModel
from fbnet.search.finetune import inherited_nets
from fbnet.search.supernet import ArchitectureParameters, build_supernet
from fbnet.training.checkpoints import load_weights
from stages.cli import main

GOLDEN = Path(__file__).parents[1] / "golden"
SUBNET = GOLDEN / "nni_subnet.pth"
CHOICE = tuple(json.loads((GOLDEN / "nni_supernet_keys.json").read_text())["arch_sample"])


@pytest.fixture(scope="module")
def supernet_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A supernet with fresh weights under NNI's names."""
    backbone = {}
    for key, value in build_supernet(NNI_SPACE, 106).state_dict().items():
        part, layer, *rest = key.split(".")
        if part == "layers":
            number = NNI_SPACE.layer_ops[int(layer)].index(rest[1])
            key = ".".join(["blocks", layer, str(number), *rest[2:]])
        elif part == "reduce":
            key = f"avg_pool{int(layer) + 1}.{rest[0]}"
        backbone[f"module.{key}"] = value
    for layer, alpha in enumerate(ArchitectureParameters(NNI_SPACE).alphas):
        backbone[f"module.blocks.{layer}.registered_module.path_alpha"] = alpha.detach()
    auxnet = {f"module.{key}": value for key, value in build_auxnet().state_dict().items()}
    path = tmp_path_factory.mktemp("nni") / "checkpoint_best.pth"
    raw = {"pfld_backbone": backbone, "auxiliarynet": auxnet, "arch_sample": list(CHOICE)}
    torch.save(raw, path)
    return path


def test_a_subnet_becomes_weights_and_onnx(supernet_file: Path, tmp_path: Path) -> None:
    paths = convert(SUBNET, NNI_SPACE, "nni", tmp_path, supernet=supernet_file)
    assert {path.name for path in paths} == {
        "subnet.safetensors",
        "architecture.json",
        "subnet.onnx",
    }
    assert read_json(tmp_path / "architecture.json")["choice"] == list(CHOICE)
    model = OnnxModel(tmp_path / "subnet.onnx")
    assert (model.size, model.points, model.crop_scale) == (112, 106, 1.2)
    values = np.load(GOLDEN / "nni_values.npz")
    session = inference_session((tmp_path / "subnet.onnx").read_bytes(), threads=1)
    (landmarks,) = session.run(None, {"image": values["input"]})
    expected = values["sub_landmarks"].reshape(1, 106, 2)
    np.testing.assert_allclose(landmarks, expected, atol=1e-5)


def test_the_command_writes_what_retraining_starts_from(
    supernet_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main(["convert", str(supernet_file), "--out", str(tmp_path)]) == 0
    written = capsys.readouterr().out.split()
    assert written == [str(tmp_path / n) for n in ("supernet.safetensors", "architecture.json")]
    record = read_json(tmp_path / "architecture.json")
    assert record["candidates"] == [list(CHOICE)]
    weights = load_weights(tmp_path / "supernet.safetensors")
    faces: Any = SimpleNamespace(points=106, size=112)  # all that is asked of them
    net, _, inherited = inherited_nets(
        CHOICE, faces, NNI_SPACE, weights, RetrainParams(start="nni")
    )
    assert inherited == len(net.state_dict())


def test_blocks_that_weights_do_not_tell_apart_are_asked_for(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"layer 3: .* fit alike; give the architecture"):
        convert(SUBNET, NNI_SPACE, "nni", tmp_path / "out")
    with pytest.raises(BadInput, match="weights do not fit the net"):
        convert(SUBNET, NNI_SPACE, "nni", tmp_path / "out", choice=["gh_k5", *CHOICE[1:]])
    assert not (tmp_path / "out").exists()
