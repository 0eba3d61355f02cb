import numpy as np
import pytest
import torch
from torch import nn

from fbnet.errors import BadInput
from fbnet.export.onnx import export_onnx
from fbnet.predict.runtime import OnnxModel, to_input
from fbnet.training.batches import to_image_tensor

SIZE, POINTS = 32, 68


@pytest.fixture(scope="module")
def model(exported):
    return OnnxModel(exported)


def test_what_the_file_says(model, exported, tmp_path):
    assert (model.size, model.points) == (SIZE, POINTS)
    assert model.metadata["points"] == "68"
    (tmp_path / "net.onnx").write_bytes(exported)
    assert OnnxModel(tmp_path / "net.onnx", threads=2).size == SIZE


def test_input_is_what_training_saw(images):
    np.testing.assert_array_equal(to_input(images), to_image_tensor(images).numpy())


@pytest.mark.parametrize("batch", [1, 3, 7, 64])
def test_batches_do_not_matter(model, images, batch):
    whole = model.predict(images)
    assert whole.shape == (7, POINTS, 2)
    assert whole.dtype == np.float32
    np.testing.assert_allclose(model.predict(images, batch), whole, atol=1e-6)


def test_prepared_input_and_no_input(model, images):
    np.testing.assert_array_equal(model.predict(to_input(images)), model.predict(images))
    assert model.predict(images[:0]).shape == (0, POINTS, 2)


def test_crops_of_another_kind_are_refused(model, images):
    for wrong in (images[:, :16, :16], images.astype(np.float64), to_input(images)[:, :, :16]):
        with pytest.raises(BadInput, match=r"uint8 \[n,32,32,3\] or float32 \[n,3,32,32\]"):
            model.predict(wrong)


def test_files_of_another_kind_are_refused(tmp_path):
    with pytest.raises(BadInput, match=r"none\.onnx: no such file"):
        OnnxModel(tmp_path / "none.onnx")
    (tmp_path / "bad.onnx").write_bytes(b"not a net")
    with pytest.raises(BadInput, match=r"bad\.onnx: onnxruntime cannot open the model"):
        OnnxModel(tmp_path / "bad.onnx")
    with pytest.raises(BadInput, match="the ONNX model: onnxruntime"):
        OnnxModel(b"")


def test_a_net_with_another_output_is_refused():
    import onnx

    flat = nn.Sequential(nn.Conv2d(3, 4, 8), nn.Flatten()).eval()
    program = torch.onnx.export(flat, (torch.zeros(1, 3, 8, 8),), dynamo=True, verbose=False)
    data = onnx.ModelProto.SerializeToString(program.model_proto)
    with pytest.raises(BadInput, match=r"not \[N,3,S,S\] and \[N,P,2\]"):
        OnnxModel(data)


def test_export_of_a_bare_output():
    class Bare(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 2 * POINTS, SIZE)

        def forward(self, x):
            return self.conv(x).reshape(-1, POINTS, 2)

    assert OnnxModel(export_onnx(Bare(), SIZE, POINTS, {})).points == POINTS
