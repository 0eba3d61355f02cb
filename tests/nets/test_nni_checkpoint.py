import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fbnet.errors import BadInput
from fbnet.nets.nni_checkpoint import read_nni_checkpoint
from fbnet.nets.pfld import build_auxnet, build_subnet
from fbnet.params import NNI_SPACE, SpaceParams
from fbnet.search.supernet import build_supernet, inherit
from fbnet.training.checkpoints import load_into

GOLDEN = Path(__file__).parents[1] / "golden"
KEYS = json.loads((GOLDEN / "nni_supernet_keys.json").read_text())
CHOICE = tuple(KEYS["arch_sample"])


@pytest.fixture(scope="module")
def values() -> dict[str, np.ndarray]:
    return dict(np.load(GOLDEN / "nni_values.npz"))


@pytest.fixture(scope="module")
def supernet_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with NNI's keys and shapes; each tensor holds its own number."""
    raw: dict[str, Any] = {"epoch": 3, "arch_sample": list(CHOICE), "optim": {}}
    for part in ("pfld_backbone", "auxiliarynet"):
        raw[part] = {
            key: torch.full(shape, float(n) if shape else n)
            for n, (key, shape) in enumerate(KEYS[part].items())
        }
    path = tmp_path_factory.mktemp("nni") / "checkpoint_best.pth"
    torch.save(raw, path)
    return path


@torch.no_grad()
def test_nni_subnet_gives_nni_landmarks(values: dict[str, np.ndarray]) -> None:
    checkpoint = read_nni_checkpoint(GOLDEN / "nni_subnet.pth", NNI_SPACE)
    net, pose_net = build_subnet(NNI_SPACE, 106, CHOICE).eval(), build_auxnet().eval()
    load_into(net, checkpoint.backbone, "subnet")
    load_into(pose_net, checkpoint.auxnet, "pose net")
    landmarks, feature = net(torch.from_numpy(values["input"]))
    expected = values["sub_landmarks"].reshape(1, 106, 2)
    np.testing.assert_allclose(landmarks.numpy(), expected, atol=1e-5)
    np.testing.assert_allclose(feature.numpy()[..., ::2, ::2], values["sub_feature"], atol=1e-5)
    np.testing.assert_allclose(pose_net(feature).numpy(), values["angle"], atol=1e-5)
    assert checkpoint.alphas == () and checkpoint.choice == ()


@torch.no_grad()
def test_a_supernet_with_the_subnets_weights_agrees_with_nni(
    values: dict[str, np.ndarray],
) -> None:
    subnet = read_nni_checkpoint(GOLDEN / "nni_subnet.pth", NNI_SPACE).backbone
    supernet = build_supernet(NNI_SPACE, 106).eval()
    state = supernet.state_dict()
    for key, value in subnet.items():
        part, layer, *rest = key.split(".")
        if part == "layers":
            key = ".".join([part, layer, "blocks", CHOICE[int(layer)], *rest])
        state[key].copy_(value)
    image = torch.from_numpy(values["input"])
    picks = zip(NNI_SPACE.layer_ops, CHOICE, strict=True)
    masks = [torch.eye(len(ops))[ops.index(block)] for ops, block in picks]
    landmarks, _ = supernet(image, masks)
    expected = values["sub_landmarks"].reshape(1, 106, 2)
    np.testing.assert_allclose(landmarks.numpy(), expected, atol=1e-5)
    inherited = build_subnet(NNI_SPACE, 106, CHOICE, seed=1).eval()
    assert inherit(supernet, inherited, CHOICE) == (168, 168)
    np.testing.assert_allclose(inherited(image)[0].numpy(), expected, atol=1e-5)


def test_every_tensor_of_nni_supernet_finds_its_place(supernet_file: Path) -> None:
    checkpoint = read_nni_checkpoint(supernet_file, NNI_SPACE)
    supernet = build_supernet(NNI_SPACE, 106)
    load_into(supernet, checkpoint.backbone, "supernet")
    load_into(build_auxnet(), checkpoint.auxnet, "pose net")
    assert checkpoint.choice == CHOICE
    number = {key.removeprefix("module."): n for n, key in enumerate(KEYS["pfld_backbone"])}
    assert [float(a[0]) for a in checkpoint.alphas] == [
        number[f"blocks.{layer}.registered_module.path_alpha"] for layer in range(5)
    ]
    state = supernet.state_dict()
    for nni_key, key in {
        "blocks.2.3.ir_block.4.weight": "layers.2.blocks.mb_k3_res_d3.ir_block.4.weight",
        "blocks.1.5.conv.0.0.weight": "layers.1.blocks.sep_k3.conv.0.0.weight",
        "avg_pool2.weight": "reduce.1.weight",
        "block6_2.ir_block.6.fc.bias": "block6_2.ir_block.6.fc.bias",
    }.items():
        assert state[key].flatten()[0] == number[nni_key]


def test_a_foreign_space_is_named(supernet_file: Path) -> None:
    stages = NNI_SPACE.stages
    short = stages[0].model_copy(update={"ops": stages[0].ops[:3]})
    space = SpaceParams(stages=(short, stages[1]))
    with pytest.raises(BadInput, match=r"no block 3 in layer 0"):
        read_nni_checkpoint(supernet_file, space)


def test_architecture_parameters_of_another_space_are_named(supernet_file: Path) -> None:
    first, second = NNI_SPACE.stages
    more = second.model_copy(update={"layer_num": second.layer_num + 1})
    longer = first.model_copy(update={"ops": (*first.ops, "skip")})
    for stages, due in (((first, more), r"\[9, 9, 9, 9, 9, 9\]"), ((longer, second), r"\[10, ")):
        message = (
            rf"architecture parameters of \[9, 9, 9, 9, 9\] blocks a layer, the space has {due}"
        )
        with pytest.raises(BadInput, match=message):
            read_nni_checkpoint(supernet_file, SpaceParams(stages=stages))


def test_errors_name_missing_unexpected_and_misshapen_keys() -> None:
    net = build_auxnet()
    weights = net.state_dict()
    weights["fc9.bias"] = weights.pop("fc2.bias")
    weights["fc1.bias"] = torch.zeros(3)
    pattern = r"missing: fc2\.bias; unexpected: fc9\.bias; of another shape: fc1\.bias"
    with pytest.raises(BadInput, match=pattern):
        load_into(net, weights, "pose net")


class Malicious:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.marker),)


def test_a_checkpoint_runs_no_code(tmp_path: Path) -> None:
    path, marker = tmp_path / "evil.pth", tmp_path / "executed"
    torch.save({"pfld_backbone": Malicious(marker), "auxiliarynet": {}}, path)
    with pytest.raises(BadInput, match="not a checkpoint of plain tensors"):
        read_nni_checkpoint(path, NNI_SPACE)
    assert not marker.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"epoch": 1}, "missing: auxiliarynet, pfld_backbone"),
        ([1, 2], "missing: auxiliarynet, pfld_backbone"),
        ({"pfld_backbone": [1], "auxiliarynet": {}}, "pfld_backbone holds no weights by name"),
        ({"pfld_backbone": {}, "auxiliarynet": {"a": 1}}, "auxiliarynet holds no weights by name"),
        (b"no checkpoint", "not a checkpoint"),
        (b"", "not a checkpoint"),
        (None, "no such file"),
    ],
)
def test_other_files_are_refused(content: Any, message: str, tmp_path: Path) -> None:
    path = tmp_path / "file.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises(BadInput, match=message):
        read_nni_checkpoint(path, NNI_SPACE)
