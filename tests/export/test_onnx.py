import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from fbnet.costs.macs import count_net
from fbnet.export.onnx import (
    Counts,
    ExportError,
    counts,
    export_onnx,
    require_parity,
    with_metadata,
)
from fbnet.nets.pfld import build_subnet
from fbnet.params import NNI_SPACE
from fbnet.predict.model import OnnxModel

ROOT = Path(__file__).parents[2]
SIZE, POINTS = 32, 68


def test_file_is_as_contracted(exported):
    model = onnx.load_from_string(exported)
    onnx.checker.check_model(model, full_check=True)
    (image,), (landmarks,) = model.graph.input, model.graph.output
    assert (image.name, landmarks.name) == ("image", "landmarks")
    assert image.type.tensor_type.shape.dim[0].dim_param
    assert not any("BatchNorm" in node.op_type for node in model.graph.node)
    assert {p.key: p.value for p in model.metadata_props} == {"commit": "abc", "points": "68"}


def test_two_exports_are_byte_identical(net, exported):
    again = export_onnx(net, SIZE, POINTS, {"points": "68", "commit": "abc"})
    assert again == exported


def test_file_holds_no_path(exported):
    for trace in (str(ROOT).encode(), sys.prefix.encode(), b".py", b"stack_trace"):
        assert trace not in exported


def test_parity_on_any_batch(net, exported, images):
    for part in (images, images[:1]):
        assert require_parity(exported, net, part, 1e-5) < 1e-5


def test_net_is_left_as_it_is(net):
    assert net.training
    assert all(p.requires_grad for p in net.parameters())


@pytest.mark.parametrize("value", [1e-3, float("nan")])
def test_parity_refuses_another_net(net, exported, images, value):
    other = type(net)()
    other.load_state_dict(net.state_dict())
    with torch.no_grad():
        other.head.bias[3] += value
    with pytest.raises(ExportError, match="differs from the net"):
        require_parity(exported, other, images, 1e-5)


def test_metadata_changes_nothing_else(exported, images):
    changed = with_metadata(exported, {"nme": "0.1"})
    assert OnnxModel(changed).metadata == {"nme": "0.1"}
    np.testing.assert_array_equal(
        OnnxModel(changed).predict(images), OnnxModel(exported).predict(images)
    )
    assert with_metadata(changed, {"commit": "abc", "points": "68"}) == exported


def test_counts_by_hand(exported):
    # stem, depthwise and gate with biases (batch norm folded in), head
    params = (216 + 8) + (72 + 8) + (64 + 8) + (8 * 136 * 64 + 136)
    macs = 216 * 256 + 72 * 64 + 64 * 64 + 8 * 136 * 64
    assert counts(exported) == Counts(params, macs)


@pytest.mark.parametrize("wrong", [{"size": 32, "points": 106}, {"size": 48, "points": 68}])
def test_wrong_shapes_are_not_published(net, wrong):
    with pytest.raises((ExportError, RuntimeError)):
        export_onnx(net, metadata={}, **wrong)


class LateNorm(nn.Module):
    """A batch norm that no convolution can swallow."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 2 * POINTS, SIZE)
        self.norm = nn.BatchNorm2d(2 * POINTS)

    def forward(self, x):
        return self.norm(self.conv(x).relu()).reshape(-1, POINTS, 2)


@pytest.mark.parametrize("opset", [11, 12, 13, 17])
@pytest.mark.parametrize("dynamic_batch", [True, False])
def test_old_tools_get_old_opsets_and_one_face(net, exported, images, opset, dynamic_batch):
    data = export_onnx(net, SIZE, POINTS, {}, opset, dynamic_batch=dynamic_batch)
    model = onnx.load_from_string(data)
    onnx.checker.check_model(model, full_check=True)
    assert [each.version for each in model.opset_import] == [opset]
    assert model.ir_version <= onnx.load_from_string(exported).ir_version
    batch = model.graph.input[0].type.tensor_type.shape.dim[0]
    assert bool(batch.dim_param) == dynamic_batch and batch.dim_value == (not dynamic_batch)
    assert require_parity(data, net, images, 1e-5) < 1e-5
    assert counts(data) == counts(exported)
    assert export_onnx(net, SIZE, POINTS, {}, opset, dynamic_batch=dynamic_batch) == data


def test_unfolded_batch_norm_is_refused():
    with pytest.raises(ExportError, match="BatchNormalization"):
        export_onnx(LateNorm(), SIZE, POINTS, {})


class Attention(nn.Module):
    """Multiplies two maps, neither of which is a weight."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 2 * POINTS, SIZE, bias=False)

    def forward(self, image):
        flat = self.conv(image).flatten(1).unflatten(1, (POINTS, 2))
        return (flat @ (flat.transpose(1, 2) @ flat),)


def test_products_of_two_maps_are_left_out_of_the_counts():
    exported = export_onnx(Attention().eval(), SIZE, POINTS, {})
    weights = 3 * 2 * POINTS * SIZE**2
    assert counts(exported) == Counts(weights, weights)


def test_nni_subnet_has_the_published_counts():
    choice = ("mb_k5_e2_res", "mb_k3_res_d3", "mb_k5_e2_res_se", "mb_k3_e4_res", "gh_k5")
    net = build_subnet(NNI_SPACE, 106, choice)
    for module in net.modules():  # equal or zero tensors would be dropped or shared
        if getattr(module, "bias", None) is not None:
            nn.init.normal_(module.bias, generator=torch.Generator().manual_seed(1))
    counted = counts(export_onnx(net, 112, 106, {}))
    fixed = (95_444, 5_204_592)
    blocks = [(5856, 1_116_416), (4832, 915_712), (15_232, 687_744), (35_648, 1_718_528)]
    params, macs = (sum(column) for column in zip(fixed, *blocks, (2912, 139_552), strict=True))
    assert counted == Counts(params, macs)
    assert vars(counted) == vars(count_net(NNI_SPACE, 106, choice))


def test_bytes_do_not_depend_on_the_process(exported, tmp_path):
    code = (
        "import sys; from pathlib import Path; from tests.small_net import net, exported; "
        "Path(sys.argv[1]).write_bytes(exported.__wrapped__(net.__wrapped__()))"
    )
    target = tmp_path / "again.onnx"
    environment = os.environ | {"PYTHONHASHSEED": "7", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, str(target)]
    subprocess.run(command, check=True, env=environment, cwd=tmp_path)
    assert target.read_bytes() == exported


def test_export_of_a_net_with_one_output():
    class Bare(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 2 * POINTS, SIZE)

        def forward(self, x):
            return self.conv(x).reshape(-1, POINTS, 2)

    assert OnnxModel(export_onnx(Bare(), SIZE, POINTS, {})).points == POINTS
