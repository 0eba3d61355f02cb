"""A file that gives more than landmarks: its contract, every engine, what predict makes of it."""

import dataclasses
import json

import numpy as np
import onnx
import pytest
import torch

from fbnet.engines import ENGINES, fixed_batch
from fbnet.engines.torch_net import torch_net
from fbnet.errors import BadInput
from fbnet.export.onnx import counts, export_onnx, own_outputs, require_parity
from fbnet.export.variants import Trial, calibration, predict, publish
from fbnet.landmarks import SCHEMES
from fbnet.nets.pfld import build_subnet
from fbnet.outputs import HEADS, LANDMARKS, OUTPUTS, radius_90
from fbnet.params import NNI_SPACE, ExportParams, SpaceParams, StageParams
from fbnet.predict.draw import draw
from fbnet.predict.interface import describe, to_input
from fbnet.predict.landmarker import Landmarker
from fbnet.predict.model import OnnxModel
from fbnet.predict.output import FaceEntry
from fbnet.predict.score import score

SIZE, POINTS = 32, 68
GIVEN = (LANDMARKS, *HEADS)
SPACE = SpaceParams(
    stages=(
        StageParams(ops=("sep_k3",), layer_num=1, channels=32, stride=1),
        StageParams(ops=("mb_k3",), layer_num=1, channels=16, stride=2),
    )
)


@pytest.fixture(scope="module")
def net():
    net = build_subnet(SPACE, POINTS, ("sep_k3", "mb_k3"), SIZE, 3, HEADS)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net.train()(torch.rand(8, 3, SIZE, SIZE))
    return net.eval()


@pytest.fixture(scope="module")
def headed(net):
    stated = describe(
        size=SIZE, scheme=SCHEMES[POINTS], crop_scale=1.2, choice=["a"], outputs=GIVEN
    )
    return export_onnx(net, SIZE, POINTS, stated, outputs=GIVEN)


def test_outputs_are_as_contracted_and_described(headed):
    model = onnx.load_from_string(headed)
    shapes = {
        value.name: tuple(d.dim_value for d in value.type.tensor_type.shape.dim)[1:]
        for value in model.graph.output
    }
    assert shapes == {name: OUTPUTS[name].shape(POINTS) for name in GIVEN}
    assert list(shapes) == list(GIVEN)
    stated = json.loads({p.key: p.value for p in model.metadata_props}["outputs"])
    assert stated == {name: OUTPUTS[name].meaning for name in HEADS}


def test_file_and_net_agree_on_every_output(net, headed, images):
    assert require_parity(headed, net, images, 1e-5, GIVEN) < 1e-5
    model = OnnxModel(headed)
    given = model.outputs(images)
    assert model.heads == HEADS and [*given] == [*GIVEN]
    np.testing.assert_array_equal(given[LANDMARKS], model.predict(images))
    for name in ("confidence", "visibility"):
        assert given[name].min() > 0 and given[name].max() < 1
    assert [len(v) for v in OnnxModel(headed).outputs(images[:0]).values()] == [0] * len(GIVEN)


def test_a_part_of_the_heads_can_be_exported(net, images):
    some = (LANDMARKS, "visibility")
    stated = describe(size=SIZE, scheme=SCHEMES[POINTS], crop_scale=1.2, choice=["a"], outputs=some)
    model = OnnxModel(export_onnx(net, SIZE, POINTS, stated, outputs=some))
    assert model.heads == ("visibility",)


def test_landmarks_alone_are_the_bytes_of_a_net_without_heads(net):
    plain = build_subnet(SPACE, POINTS, ("sep_k3", "mb_k3"), SIZE, 3)
    weights = {n: v for n, v in net.state_dict().items() if not n.startswith("heads.")}
    plain.load_state_dict(weights)
    assert export_onnx(net, SIZE, POINTS, {}) == export_onnx(plain, SIZE, POINTS, {})


def test_all_heads_cost_less_than_3_percent():
    net = build_subnet(
        NNI_SPACE, 106, ("mb_k3_e2_res", "mb_k3_res", "mb_k5_res", "mb_k5_res_se", "gh_k5"),
        heads=HEADS,
    )  # fmt: skip
    plain, all_of_it = (
        counts(export_onnx(net, 112, 106, {}, outputs=outputs)).macs
        for outputs in ((LANDMARKS,), GIVEN)
    )
    assert plain < all_of_it < 1.03 * plain


def test_every_engine_gives_every_output(net, headed, faces, tmp_path):
    crops = faces.crops(faces.indices("test")[:5])
    exact = own_outputs(net, crops, GIVEN)
    landmarks = exact.pop(LANDMARKS)
    error = score(OnnxModel(headed), faces).figures["nme"]
    trial = Trial(faces, landmarks, error, parity=1e-4, growth=0.5, heads=exact)
    names = ExportParams().variants
    rows = publish(names, headed, trial, calibration(faces, 6), tmp_path / "variants")
    assert {row["variant"]: row["fault"] for row in rows} == dict.fromkeys(names, "")
    for engine in ENGINES.values():
        if not (engine.installed and engine.runs_here):
            continue
        model = engine.convert(headed)
        for output, values in {LANDMARKS: landmarks, **exact}.items():
            given = predict(engine.open(model, output=output), crops)
            np.testing.assert_allclose(given.reshape(values.shape), values, atol=1e-3)
    far = dataclasses.replace(trial, heads=exact | {"pose": exact["pose"] + 1.0})
    assert "differs from the net" in far.run("mnn", headed, calibration(faces, 6))[1]["fault"]


def test_the_torch_form_gives_every_output_in_order(net, headed, images):
    exact = own_outputs(net, images[:1], GIVEN)
    outputs = torch_net(fixed_batch(headed, 1))(torch.from_numpy(to_input(images[:1])))
    for output, values in zip(outputs, exact.values(), strict=True):
        np.testing.assert_allclose(output.numpy().reshape(values.shape), values, atol=1e-3)


@pytest.mark.skipif(not ENGINES["coreml"].installed, reason="not installed: make engines")
def test_core_ml_keeps_the_names(headed):
    data = ENGINES["coreml"].convert(headed)[".mlmodel"]
    from coremltools.proto.Model_pb2 import Model

    model = Model()
    model.ParseFromString(data)
    assert [end.name for end in model.description.output] == [*GIVEN]


@pytest.mark.parametrize("engine", [e for e in ENGINES.values() if e.installed and e.runs_here])
def test_an_output_that_is_not_there_is_refused(engine, headed):
    with pytest.raises(BadInput, match=r"no output 'smile'; it has .*pose"):
        engine.open(engine.convert(headed), output="smile")


def test_figures_of_the_heads(headed, faces):
    model, test = OnnxModel(headed), faces.indices("test")
    given = model.outputs(faces.crops(test))
    pose, visible = faces.pose.copy(), np.zeros((len(faces), POINTS), bool)
    pose[test] = np.radians(given["pose"] + 2.0)
    visible[test] = given["visibility"] > np.median(given["visibility"])
    openness = np.zeros((len(faces), 3), np.float32)
    openness[test] = given["openness"] - 0.25
    exact = {"visible": visible, "openness": openness}
    figures = score(model, dataclasses.replace(faces, pose=pose, exact=exact)).figures
    assert figures["pose_mae_deg"] == pytest.approx(2.0, abs=1e-3)
    assert figures["visibility_auc"] == 1.0
    assert figures["openness_mae"] == pytest.approx(0.25, abs=1e-5)
    errors = np.linalg.norm(given[LANDMARKS] - faces.landmarks[test], axis=2)
    held = (errors <= radius_90(given["confidence"])).mean()
    assert figures["confidence_held_90"] == pytest.approx(held)
    assert -1 <= figures["confidence_spearman"] <= 1
    plain = score(model, faces).figures
    assert "visibility_auc" not in plain and "pose_mae_deg" in plain


def test_predicted_faces_have_what_the_model_gives(headed, images):
    face = Landmarker(headed)(np.tile(images[0], (4, 4, 1)), boxes=[(30, 30, 60, 60)])[0]
    entry = FaceEntry.of(face)
    assert entry.pose is not None and entry.openness is not None
    assert [entry.pose.pitch, entry.pose.yaw] == pytest.approx(face.pose[:2].tolist(), abs=0.01)
    assert len(entry.confidence) == len(entry.radius) == len(entry.visibility) == POINTS
    expected = radius_90(face.confidence) * face.crop[2]
    assert entry.radius == pytest.approx(expected.tolist(), abs=0.01)
    plain = FaceEntry.of(Landmarker()(np.tile(images[0], (4, 4, 1)), crops=True)[0])
    assert plain.pose is plain.confidence is plain.radius is plain.visibility is None


def test_hidden_points_are_drawn_hollow(headed):
    picture = np.full((400, 400, 3), 127, np.uint8)
    face = Landmarker(headed)(picture, boxes=[(100, 100, 200, 200)])[0]
    rows, columns = np.divmod(np.arange(POINTS), 9)
    apart = dataclasses.replace(
        face, landmarks=np.stack([40.0 + 40 * columns, 40.0 + 40 * rows], 1)
    )
    places = apart.landmarks.astype(int)
    centres = {}
    for visibility in (None, 0.9, 0.1):
        known = None if visibility is None else np.full(POINTS, visibility)
        drawn = draw(picture, [dataclasses.replace(apart, visibility=known, pose=None)])
        centres[visibility] = drawn[places[:, 1], places[:, 0]]
    np.testing.assert_array_equal(centres[None], centres[0.9])
    assert np.ptp(centres[0.9].astype(int), axis=1).min() > 60  # coloured
    assert np.ptp(centres[0.1].astype(int), axis=1).max() < 60
