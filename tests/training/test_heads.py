"""Heads beside the landmarks: who teaches them, that they learn, and that the net stays."""

import dataclasses

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric

from fbnet.errors import BadInput
from fbnet.faces.faceset import FaceSet
from fbnet.nets.pfld import PFLD, build_subnet
from fbnet.outputs import HEADS, radius_90
from fbnet.params import AugmentParams, RetrainParams, SpaceParams
from fbnet.training.batches import to_image_tensor
from fbnet.training.heads import laplace, lessons, train_heads
from fbnet.training.validate import recalibrate

CHOICE = ("sep_k3", "mb_k3", "mb_k3")
PARAMS = RetrainParams(batch=16, heads_epochs=150, heads_lr=3e-3)


@pytest.fixture(scope="module")
def rendered(faces: FaceSet) -> FaceSet:
    """The bright squares; those in the upper half can be seen, and pose says where they are."""
    place = faces.landmarks.mean(axis=1)
    visible = np.broadcast_to((place[:, 1] < 0.45)[:, None], faces.landmarks.shape[:2])
    openness = np.repeat(place[:, :1], 3, axis=1).astype(np.float32)
    pose = np.pad(place - 0.5, ((0, 0), (0, 1))).astype(np.float32)
    exact = {"visible": np.ascontiguousarray(visible), "openness": openness}
    return dataclasses.replace(faces, exact=exact, pose=pose)


def net_of(faces: FaceSet, space: SpaceParams, heads: tuple[str, ...] = HEADS) -> PFLD:
    return build_subnet(space, faces.points, CHOICE, faces.size, seed=1, heads=heads)


def answers(net: PFLD, faces: FaceSet, split: str) -> dict[str, np.ndarray]:
    with torch.inference_mode():
        given = net.eval().outputs(to_image_tensor(faces.crops(faces.indices(split))))
    return {name: value.numpy() for name, value in given.items()}


@pytest.fixture(scope="module")
def taught(rendered: FaceSet, space: SpaceParams, fabric: Fabric) -> tuple[PFLD, dict]:
    net = net_of(rendered, space)
    recalibrate(net, rendered, rendered.indices("train"), fabric)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    train_heads(net, lessons(HEADS, rendered, None), PARAMS, None, fabric)
    return net, before


def test_the_net_itself_stays_to_the_bit(taught: tuple[PFLD, dict]) -> None:
    net, before = taught
    after = net.state_dict()
    changed = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"heads"}


def test_without_heads_a_net_has_no_more_weights(faces: FaceSet, space: SpaceParams) -> None:
    plain, headed = (net_of(faces, space, heads) for heads in ((), HEADS))
    names = [name for name in headed.state_dict() if not name.startswith("heads.")]
    assert list(plain.state_dict()) == names
    assert list(headed.eval().outputs(torch.rand(2, 3, faces.size, faces.size))) == [
        "landmarks",
        *HEADS,
    ]
    for name in names:
        assert torch.equal(plain.state_dict()[name], headed.state_dict()[name])


def test_each_head_learns_its_label(taught: tuple[PFLD, dict], rendered: FaceSet) -> None:
    given, train = answers(taught[0], rendered, "train"), rendered.indices("train")
    pose = np.degrees(rendered.pose[train])
    assert np.abs(given["pose"] - pose).mean() < 0.5 * np.abs(pose - pose.mean(0)).mean()
    seen = rendered.exact["visible"][train]
    assert ((given["visibility"] > 0.5) == seen).mean() > 0.9
    openness = rendered.exact["openness"][train]
    spread = np.abs(openness - openness.mean(0)).mean()
    assert np.abs(given["openness"] - openness).mean() < 0.5 * spread


def test_the_radius_holds_90_percent_of_the_validation_errors(
    taught: tuple[PFLD, dict], rendered: FaceSet
) -> None:
    given = answers(taught[0], rendered, "validation")
    truth = rendered.landmarks[rendered.indices("validation")]
    errors = np.linalg.norm(given["landmarks"] - truth, axis=2)
    assert (errors <= radius_90(given["confidence"])).mean() == pytest.approx(0.9, abs=0.01)


def test_the_likelihood_is_best_at_the_mean_of_half_the_error() -> None:
    """Of the density exp(-r/s)/(2 pi s^2) in the plane the mean distance is 2 s."""
    errors = torch.tensor([0.01, 0.03, 0.08])
    logits = torch.linspace(-3, 3, 6001)
    costs = laplace(logits[:, None], errors[None]).mean(dim=1)
    best = logits[costs.argmin()].item()
    assert 0.02 * np.exp(-best) == pytest.approx(errors.mean().item() / 2, rel=0.01)


def test_what_photographs_lack_is_learned_from_rendered_faces(
    faces: FaceSet, rendered: FaceSet, space: SpaceParams, fabric: Fabric
) -> None:
    own, other = lessons(HEADS, faces, rendered)
    assert (own.faces, own.heads) == (faces, ("confidence",))
    assert (other.faces, set(other.heads)) == (rendered, {"pose", "visibility", "openness"})
    net = net_of(faces, space)
    few = PARAMS.model_copy(update={"heads_epochs": 1})
    train_heads(net, [own, other], few, AugmentParams(), fabric)
    assert all(torch.isfinite(p).all() for p in net.parameters())


def test_unknown_labels_do_not_count(rendered: FaceSet, space: SpaceParams, fabric: Fabric) -> None:
    pose, landmarks = rendered.pose.copy(), rendered.landmarks.copy()
    pose[::3], landmarks[::2, :5] = np.nan, np.nan
    partly = dataclasses.replace(rendered, pose=pose, landmarks=landmarks)
    net = net_of(partly, space)
    few = PARAMS.model_copy(update={"heads_epochs": 2})
    train_heads(net, lessons(HEADS, partly, None), few, None, fabric)
    assert all(torch.isfinite(p).all() for p in net.parameters())


def test_shards_change_the_heads_by_rounding_only(
    rendered: FaceSet, space: SpaceParams, fabric: Fabric
) -> None:
    few, nets = PARAMS.model_copy(update={"heads_epochs": 2}), []
    for shards in (1, 2):
        nets.append(net_of(rendered, space))
        train_heads(nets[-1], lessons(HEADS, rendered, None), few, None, fabric, shards)
    one, two = (answers(net, rendered, "validation") for net in nets)
    for name in one:
        np.testing.assert_allclose(one[name], two[name], atol=0.05 if name == "pose" else 1e-3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (None, "export.outputs: visibility is learned from rendered faces"),
        ({"exact": {}}, "retrain.heads_faces: its faces do not state visibility"),
        ({"size": 24, "margin": 4}, "retrain.heads_faces: of 68 points at 24 px"),
        ({"crop_scale": 1.4}, "crops of 1.4 times the face's box, the faces' are of 1.2"),
    ],
    ids=["none", "no labels", "another size", "other crops"],
)
def test_faces_without_labels_are_refused_in_one_line(
    faces: FaceSet, rendered: FaceSet, changes, message: str
) -> None:
    other = None if changes is None else dataclasses.replace(rendered, **changes)
    with pytest.raises(BadInput, match=message) as error:
        lessons(HEADS, faces, other)
    assert "\n" not in str(error.value)


def test_visibility_is_learned_from_points_of_the_same_order(
    faces: FaceSet, rendered: FaceSet
) -> None:
    order = dataclasses.replace(rendered.scheme, name="theirs", mirror=tuple(range(68)))
    theirs = dataclasses.replace(rendered, own_scheme=order)
    with pytest.raises(BadInput, match="its points have the order theirs, the faces' 300W"):
        lessons(HEADS, faces, theirs)
    assert lessons(("pose", "openness"), faces, theirs)


def test_a_pose_that_no_face_has_is_missing(faces: FaceSet, rendered: FaceSet) -> None:
    without = dataclasses.replace(faces, pose=np.full_like(faces.pose, np.nan))
    with pytest.raises(BadInput, match=r"export\.outputs: pose is learned from rendered faces"):
        lessons(("pose",), without, None)
    (lesson,) = lessons(("pose",), without, rendered)
    assert lesson.faces is rendered
