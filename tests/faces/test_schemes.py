"""Point schemes that a user describes, and points that nobody saw."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fbnet import plots
from fbnet.errors import BadInput
from fbnet.faces.faceset import FaceSet
from fbnet.faces.prepare import Prepared, prepare, statistics
from fbnet.faces.schemes import described, find_mirror, known_points, scheme_of
from fbnet.faces.synthetic import load_head
from fbnet.faces.synthetic.drawing import Draws
from fbnet.faces.synthetic.landmarks import LABELS, project_landmarks
from fbnet.faces.synthetic.scene import aim
from fbnet.faces.synthetic.subject import draw_subject
from fbnet.files import validated
from fbnet.landmarks import PLACES, SCHEMES, mirror_of, place_of
from fbnet.params import FetchParams, SchemeParams, SyntheticParams
from tests.drawn import photo_points, words, write_picture, write_text

DATA = Path(__file__).parents[2] / "data"
NINE = np.array(
    ((35, 50), (85, 50), (60, 65), (45, 85), (75, 85), (60, 80), (60, 100), (25, 60), (95, 60))
)
"""A face of nine points in pixels: eyes, nose, corners and middle of the mouth, chin, ears."""
MIRROR = (1, 0, 2, 4, 3, 5, 6, 8, 7)


def label(path: Path, places: np.ndarray) -> None:
    rows = "\n".join(words(row) for row in places + 1)
    write_text(path, f"version: 1\nn_points: {len(places)}\n{{\n{rows}\n}}\n")


def folder(root: Path, unseen: tuple[int, ...] = ()) -> None:
    """40 photographs of nine points; in every third one `unseen` are labelled (0, 0)."""
    rng = np.random.default_rng(2)
    for number in range(40):
        places = NINE + rng.normal(0, 0.8, (9, 2))
        write_picture(root / f"p{number:03d}x.png", places)
        if number % 3 == 0:
            places[list(unseen)] = -1
        label(root / f"p{number:03d}x.pts", places)


def run(root: Path, **params: Any) -> Prepared:
    fetch = FetchParams(root=str(root), size=48, margin=8, **params)
    return prepare(fetch, root.parent / "faces")


def nine(**more: Any) -> SchemeParams:
    return SchemeParams(points=9, eyes=(0, 1), **more)


def test_eyes_the_other_way_round_are_named(tmp_path: Path) -> None:
    folder(tmp_path / "data")
    wrong = SchemeParams(points=9, eyes=(1, 0), mirror=MIRROR)
    with pytest.raises(BadInput, match=r"point 1 lies to the right .* 40 of 40 .* write \[0, 1\]"):
        run(tmp_path / "data", scheme=wrong)


def turned_faces(count: int = 200) -> np.ndarray:
    """Symmetric heads of 68 points [N, 68, 2] in relief, turned and noisy."""
    rng, mirror, index = np.random.default_rng(5), np.array(SCHEMES[68].mirror), np.arange(68)
    x = np.where(mirror == index, 0, -0.1 - 0.9 * (0.618 * index % 1))
    half = np.stack([x, index / 34 - 1, 0.3 * np.cos(2 * x)], axis=1)
    head = np.where((index <= mirror)[:, None], half, half[mirror] * (-1, 1, 1))
    yaw = rng.normal(0, 0.35, count)[:, None]
    x = head[:, 0] * np.cos(yaw) + head[:, 2] * np.sin(yaw)
    faces = np.stack([x, np.broadcast_to(head[:, 1], x.shape)], axis=2)
    return faces + rng.normal(0, 0.01, faces.shape)


def test_the_mirror_is_found_from_turned_faces_in_any_order() -> None:
    faces = turned_faces()
    assert find_mirror(faces, (36, 45)) == SCHEMES[68].mirror
    order = np.random.default_rng(0).permutation(68)
    place = np.argsort(order)
    shuffled = find_mirror(faces[:, order], (place[36], place[45]))
    assert shuffled == tuple(place[SCHEMES[68].mirror[old]] for old in order)


def test_unseen_points_do_not_hide_the_mirror() -> None:
    faces = turned_faces()
    faces[np.random.default_rng(1).random(faces.shape[:2]) < 0.1] = np.nan
    assert find_mirror(faces[~np.isnan(faces[:, [36, 45]]).any(axis=(1, 2))], (36, 45)) == (
        SCHEMES[68].mirror
    )


def test_a_point_that_few_faces_show_does_not_hide_the_mirror() -> None:
    base = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.75], [0.65, 0.75]])
    faces = base + np.random.default_rng(0).normal(0, 0.005, (100, 5, 2))
    faces[10:, 4] = np.nan
    assert find_mirror(faces, (0, 1)) == (1, 0, 2, 4, 3)


def test_eyes_that_are_no_counterparts_are_refused() -> None:
    with pytest.raises(ValueError, match="mirror: the eyes must change places"):
        SchemeParams(points=4, eyes=(0, 1), head=("68:36", "68:39", "68:42", "68:45"))
    with pytest.raises(ValueError, match="mirror: 2 goes to 1, but 1 to 0"):
        SchemeParams(points=3, eyes=(1, 2), head=("68:45", "68:36", "68:45"))


def test_points_without_pairs_are_refused() -> None:
    rng = np.random.default_rng(3)
    faces = rng.uniform(0, 1, (1, 9, 2)) + rng.normal(0, 0.001, (50, 9, 2))
    with pytest.raises(BadInput, match="50 faces do not show which points change places"):
        find_mirror(faces, (0, 1))
    faces[:, 7] = np.nan
    with pytest.raises(BadInput, match="point 7 is seen in no face"):
        find_mirror(faces, (0, 1))


def test_known_schemes_and_descriptions() -> None:
    assert known_points(None) == (68, 98, 106)
    assert known_points(nine()) == (9, 68, 98, 106)
    assert scheme_of(68, nine()) is SCHEMES[68]
    with pytest.raises(BadInput, match=r"9 points are no known scheme.*fetch\.scheme"):
        scheme_of(9, None)
    scheme = scheme_of(9, nine(mirror=MIRROR, regions={"mouth": (3, 4)}))
    assert scheme.parts == {"mouth": (3, 4), "other": (0, 1, 2, 5, 6, 7, 8)}
    assert scheme_of(9, described(scheme)) == scheme


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"eyes": (0, 9)}, "eyes: point 9 is none of 0 to 8"),
        ({"eyes": (2, 2)}, "both are one point"),
        ({"mirror": (1, 0)}, "2 numbers for 9 points"),
        ({"mirror": (1, 2, 0, *range(3, 9))}, "0 goes to 1, but 1 to 2"),
        ({"mirror": tuple(range(9))}, "the eyes must change places"),
        ({"regions": {"mouth": (9,)}}, "mouth: point 9"),
        ({"pose": (0, 1, 2, *[None] * 11)}, "pose: 3 points, 6 are needed"),
    ],
)
def test_descriptions_that_cannot_be(wrong: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        SchemeParams.checked({"points": 9, "eyes": (0, 1)} | wrong, "fetch.scheme")


def test_a_folder_of_nine_points(tmp_path: Path) -> None:
    folder(tmp_path / "data")
    with pytest.raises(BadInput, match=r"p000x\.pts:1: 9 points are no known scheme"):
        run(tmp_path / "data")
    faces = run(tmp_path / "data", scheme=nine(regions={"mouth": (3, 4)})).faces
    assert (len(faces), faces.points, faces.scheme.mirror) == (40, 9, MIRROR)
    assert np.isnan(faces.pose).all() and "yaw_mean_deg" not in statistics(faces)
    loaded = FaceSet.load(tmp_path / "faces")
    assert loaded.scheme == faces.scheme
    plots.preview(loaded, tmp_path / "preview.png")


def test_a_described_pose(tmp_path: Path) -> None:
    folder(tmp_path / "data")
    pose = (None, None, None, None, 0, None, None, 1, None, None, 3, 4, None, 6)
    with pytest.raises(BadInput, match="pose: 5 points, 6 are needed"):
        SchemeParams.checked({"points": 9, "eyes": (0, 1), "pose": pose}, "scheme")
    whole = SchemeParams(points=68, eyes=(36, 45), pose=(*SCHEMES[68].pose[:12], None, None))
    places = photo_points(68, 0)
    for number in range(3):
        write_picture(tmp_path / f"whole/{number}x.png", places)
        label(tmp_path / f"whole/{number}x.pts", places)
    own = run(tmp_path / "whole", scheme=whole.model_copy(update={"mirror": SCHEMES[68].mirror}))
    known = run(tmp_path / "whole")
    np.testing.assert_allclose(own.faces.pose, known.faces.pose, atol=0.1)


def test_unseen_points_are_masked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder(tmp_path / "data", unseen=(5, 8))
    prepared = run(tmp_path / "data", scheme=nine())
    faces = prepared.faces
    assert "28 points of 14 faces are labelled as unseen" in capsys.readouterr().out
    assert np.isnan(faces.landmarks[::3, [5, 8]]).all()
    assert np.isfinite(np.delete(faces.landmarks, [5, 8], axis=1)).all()
    assert np.nanmin(faces.landmarks) > -0.2, "the crop is cut around what was seen"
    assert faces.scheme.mirror == MIRROR and not prepared.suspicious
    assert statistics(faces)["points_unseen"] == pytest.approx(28 / 360, rel=1e-5)
    plots.preview(faces, tmp_path / "preview.png")
    kept = run(tmp_path / "data", scheme=nine(mirror=MIRROR), unseen="keep")
    assert np.isfinite(kept.faces.landmarks).all() and len(kept.suspicious) >= 14


def test_a_face_without_an_eye_has_no_nme(tmp_path: Path) -> None:
    folder(tmp_path / "data", unseen=(0,))
    with pytest.raises(BadInput, match=r"p000x\.pts:1: an eye corner \(point 0 or 1\)"):
        run(tmp_path / "data", scheme=nine())
    prepared = run(tmp_path / "data", scheme=nine(), on_bad="skip")
    assert (len(prepared.faces), len(prepared.skipped)) == (26, 14)


def test_nan_and_coco_s_visibility_mark_unseen_points(tmp_path: Path) -> None:
    places = photo_points(68, 0)
    for number in range(3):
        write_picture(tmp_path / f"data/{number}x.png", places)
    triples = np.column_stack([places, np.full(68, 2)])
    triples[5] = 0
    annotations = [{"image_id": n, "keypoints": triples.ravel().tolist()} for n in range(3)]
    images = [{"id": n, "file_name": f"{n}x.png"} for n in range(3)]
    coco = {"images": images, "annotations": annotations}
    write_text(tmp_path / "data/labels.json", json.dumps(coco))
    assert np.isnan(run(tmp_path / "data").faces.landmarks[:, 5]).all()
    (tmp_path / "data/labels.json").unlink()
    for number in range(3):
        label(tmp_path / f"data/{number}x.pts", places)
        path = tmp_path / f"data/{number}x.pts"
        path.write_text(path.read_text().replace(words(places[7] + 1), "nan nan"))
    assert np.isnan(run(tmp_path / "data").faces.landmarks[:, 7]).all()


def test_meta_of_wrong_types_is_one_line(tmp_path: Path, make_faces: Any) -> None:
    make_faces().save(tmp_path / "faces")
    meta = tmp_path / "faces/meta.json"
    stated = json.loads(meta.read_text())
    for key, value in {
        "names": 3,
        "size": "big",
        "crop_scale": None,
        "scheme": {"points": 3},
    }.items():
        meta.write_text(json.dumps(stated | {key: value}))
        with pytest.raises(BadInput, match=rf"meta\.json: {key}"):
            FaceSet.load(tmp_path / "faces")


# Points on the head that is rendered

HEAD = ("left_pupil", "right_pupil", "nose_tip", "left_mouth", "right_mouth")


def rendered(tmp_path: Path, head: tuple[str, ...], eyes: tuple[int, int] = (0, 1)) -> FaceSet:
    drawn = SyntheticParams(train=4, test=2, supersampling=1, hats=0)
    scheme = SchemeParams(points=len(head), eyes=eyes, head=head)
    params = FetchParams(
        root=str(DATA), size=32, margin=4, workers=1, crop_scale=2.0, scheme=scheme, synthetic=drawn
    )
    return prepare(params, tmp_path / "faces").faces


def test_rendered_faces_of_points_of_one_s_own(tmp_path: Path) -> None:
    faces = rendered(tmp_path, HEAD)
    assert (faces.points, faces.scheme.mirror, faces.crop_scale) == (5, (1, 0, 2, 4, 3), 2.0)
    assert np.isfinite(faces.pose).all() and faces.exact["visible"].shape == (6, 5)
    sides = np.ptp(faces.landmarks, axis=1).max(axis=1)
    assert np.abs(sides - 1 / 2.0).max() < 0.05
    assert (faces.landmarks[:, 3:, 1] > faces.landmarks[:, :2, 1]).all()
    assert FaceSet.load(tmp_path / "faces").scheme == faces.scheme


def test_places_are_points_of_schemes_vertices_and_means() -> None:
    head = load_head(DATA)
    params = SyntheticParams()
    draws = Draws(params.seed, 3, 3)
    subject = draw_subject(head, params, draws)
    texts = ("left_pupil", "mouth_centre", "vertex:5", "68:30")
    view, _, labels = aim(
        head, params, draws, subject, 64, 0, places=[place_of(text) for text in texts]
    )
    camera = view.camera
    seen = project_landmarks(head, subject.vertices, subject.points, camera)
    known = {points: label(seen) for points, label in LABELS.items()}
    vertex = camera.project(camera.place(subject.vertices[5:6]))[0]
    wanted = [known[106][38], known[68][[62, 66]].mean(axis=0), vertex, known[68][30]]
    np.testing.assert_allclose(labels, wanted, atol=1e-5)


def test_every_named_place_has_its_counterpart() -> None:
    for name in PLACES:
        other = (
            name.replace("left_", "right_") if "left_" in name else name.replace("right_", "left_")
        )
        places = [place_of(name), place_of(other)]
        assert mirror_of(places) == ((0, 0) if name == other else (1, 0)), name
    assert mirror_of([place_of("left_pupil")]) == mirror_of([place_of("vertex:3")]) == ()


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (("left_pupl", "right_pupil", "chin"), "did you mean 'left_pupil'"),
        (("left_pupil", "right_pupil", "68:68"), "point 2: '68:68' is no place"),
        (("left_pupil", "right_pupil", "chin+"), "'' is no place"),
        (("left_pupil", "right_pupil"), "2 places for 3 points"),
        (("left_pupil", "right_pupil", "vertex:99999999"), "the head has vertices 0 to"),
    ],
)
def test_a_place_that_is_none_is_named(tmp_path: Path, head: tuple[str, ...], reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        params = {"points": 3, "eyes": [0, 1], "head": head}
        scheme = validated(SchemeParams, params, "fetch.scheme")
        prepare(FetchParams(root=str(DATA), scheme=scheme, workers=1), tmp_path / "faces")


def test_a_scheme_of_labels_renders_nothing(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"state in fetch\.scheme\.head where each point lies"):
        prepare(FetchParams(root=str(DATA), scheme=nine()), tmp_path / "faces")
