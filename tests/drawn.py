"""Drawn faces: pictures small enough to make in a test, with labels that are known exactly."""

import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from fbnet.faces.faceset import FaceSet
from fbnet.faces.pose import HEAD, focal_length, matrix_from_angles
from fbnet.landmarks import LAPA_TO_NNI, SCHEMES

SIZE, MARGIN = 48, 12
PHOTO = 120
"""Side of a drawn photograph in pixels."""


def make_landmarks(points: int, seed: int) -> np.ndarray:
    """A frontal face in crop units, a little different for each seed; float32 [P, 2]."""
    scheme = SCHEMES[points]
    rng = np.random.default_rng([seed, points])
    half = rng.uniform(0.15, 0.85, (points, 2))
    both = (half + mirror_places(half, scheme.mirror)) / 2
    both[list(scheme.pose)] = project(np.zeros(3), 1.0)
    return (both + rng.uniform(-0.01, 0.01, both.shape)).astype(np.float32)


def mirror_places(points: np.ndarray, mirror: tuple[int, ...]) -> np.ndarray:
    """Points [P, 2] flipped around x = 0.5, numbers changed."""
    return points[list(mirror)] * (-1, 1) + (1, 0)


def project(angles: np.ndarray, side: float) -> np.ndarray:
    """The 14 model points as seen under pitch, yaw, roll in a crop of `side`; [14, 2]."""
    seen = HEAD @ matrix_from_angles(angles).T + (0.0, 0.0, 24.0 * focal_length(1.0))
    return focal_length(side) * seen[:, :2] / seen[:, 2:] + side / 2


def draw_face(landmarks: np.ndarray, side: int, seed: int) -> np.ndarray:
    """A smooth random picture with a dot on each landmark; uint8 [side, side, 3]."""
    rng = np.random.default_rng([seed, 7])
    coarse = rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)
    picture = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
    for x, y in np.rint(landmarks).astype(int).tolist():
        cv2.circle(picture, (x, y), 1, (255, 255, 255), -1)
    return picture


def photo_points(points: int, seed: int) -> np.ndarray:
    """Landmarks in pixels of a photograph, as its label file has them; float64 [P, 2]."""
    return np.round(make_landmarks(points, seed) * 80 + 20, 3).astype(np.float64)


def write_picture(path: Path, points: np.ndarray, side: int = PHOTO) -> None:
    """A photograph that is like no other: its seed is its path's end."""
    seed = zlib.crc32("/".join(path.parts[-4:]).encode())
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), draw_face(points, side, seed))


def write_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def words(values: np.ndarray | Sequence[float]) -> str:
    return " ".join(f"{value:.6f}" for value in np.asarray(values, dtype=float).ravel())


class Drawn:
    """Writes tiny data sets in every layout, with the points of `photo_points`."""

    photo_points = staticmethod(photo_points)
    make_landmarks = staticmethod(make_landmarks)
    words = staticmethod(words)

    @staticmethod
    def nni(
        root: Path,
        names: Sequence[str] = ("0_a_0", "0_a_1", "1_b_0", "2_c_0"),
        tests: int = 2,
        points: int = 106,
        extra: Sequence[float] = (),
    ) -> None:
        """train_data with `names`, test_data with `tests` faces; `extra` ends each line."""
        for part, stems in (("train_data", names), ("test_data", [f"t{i}" for i in range(tests)])):
            lines = []
            for number, stem in enumerate(stems):
                shares = make_landmarks(points, number)
                place = root / part / "imgs" / f"{stem}.png"
                write_picture(place, shares * 112 - 0.5, 112)
                lines.append(f"{stem}.png {words(shares)} {words(extra)}".strip())
            write_text(root / part / "list.txt", "\n".join(lines) + "\n")

    @staticmethod
    def lapa(
        root: Path, splits: Sequence[str] = ("train", "val", "test"), jd: bool = False
    ) -> None:
        """Three faces a split; JD's folder and file names where `jd`."""
        labels, pictures = ("landmark", "picture") if jd else ("landmarks", "images")
        for split in splits:
            for number in range(3):
                points, stem = photo_points(106, number), f"{number}123456_1"
                write_picture(root / split / pictures / f"{stem}.jpg", points)
                lapa = np.empty_like(points)
                lapa[LAPA_TO_NNI] = points
                rows = "\n".join(words(row) for row in lapa)
                name = f"{stem}.jpg.txt" if jd else f"{stem}.txt"
                write_text(root / split / labels / name, f"106\n{rows}\n")

    @staticmethod
    def ibug(root: Path, folders: Sequence[str] = ("afw", "helen")) -> None:
        """Per folder two photographs, one of them with two faces."""
        for folder in folders:
            for number, stem in enumerate(("100123_1", "100123_2", "image_0004")):
                points = photo_points(68, number)
                write_picture(root / folder / f"{stem}.jpg", points)
                rows = "\n".join(words(row) for row in points + 1)
                text = f"version: 1\nn_points:  68\n{{\n{rows}\n}}\n"
                write_text(root / folder / f"{stem}.pts", text)

    @staticmethod
    def wflw(root: Path, count: int = 4) -> None:
        """`count` photographs in train, two in test; the first of each shows two faces."""
        for split, pictures in (("train", count), ("test", 2)):
            lines = []
            for number in range(pictures):
                name = f"0--Parade/{split}_{number}.jpg"
                points = photo_points(98, number)
                write_picture(root / "WFLW_images" / name, points)
                lines.append(f"{words(points)} 5 5 90 90 0 0 1 0 0 0 {name}")
            second = words(photo_points(98, 9))
            lines.append(f"{second} 7 7 90 90 0 0 1 0 0 0 0--Parade/{split}_0.jpg")
            folder = root / "WFLW_annotations" / "list_98pt_rect_attr_train_test"
            write_text(folder / f"list_98pt_rect_attr_{split}.txt", "\n".join(lines) + "\n")


@pytest.fixture
def drawn() -> type[Drawn]:
    """Writers of tiny data sets: drawn.nni(root), drawn.lapa(root), ..."""
    return Drawn


@pytest.fixture
def make_faces() -> Callable[..., FaceSet]:
    """Make a small FaceSet: make_faces(count=12, points=106, size=48, margin=12)."""

    def make(count: int = 12, points: int = 106, size: int = SIZE, margin: int = MARGIN) -> FaceSet:
        landmarks = np.stack([make_landmarks(points, number) for number in range(count)])
        images = [
            draw_face(face * size + margin - 0.5, size + 2 * margin, number)
            for number, face in enumerate(landmarks)
        ]
        return FaceSet(
            images=np.stack(images),
            landmarks=landmarks,
            pose=np.random.default_rng(3).uniform(-0.3, 0.3, (count, 3)).astype(np.float32),
            split=(np.arange(count) % 3).astype(np.uint8),
            names=[f"face{number}" for number in range(count)],
            groups=[f"person{number // 2}" for number in range(count)],
            size=size,
            margin=margin,
            layout="drawn",
            source="drawn for a test",
        )

    return make
