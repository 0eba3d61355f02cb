"""The rasteriser against arithmetic done by hand."""

import numpy as np
import pytest

from fbnet.faces.synthetic.raster import rasterise, vertex_normals

# Counter-clockwise as seen on a y-down screen: a front face.
SQUARE = np.array([[1, 1, 0], [1, 5, 0], [5, 5, 0], [5, 1, 0]], np.float32)
NEARER, RIGHT = np.array([0, 0, 1]), np.array([1, 0, 0])
HALVES = np.array([[0, 1, 2], [0, 2, 3]])


def test_square_covers_its_pixels_once() -> None:
    seen = rasterise(SQUARE, HALVES, 8, 6)
    expected = [row * 8 + column for row in range(1, 5) for column in range(1, 5)]
    assert seen.pixel.tolist() == expected


def test_weights_and_depth_interpolate() -> None:
    points = SQUARE + np.array([[0, 0, 0], [0, 0, 4], [0, 0, 4], [0, 0, 0]])
    seen = rasterise(points.astype(np.float32), HALVES, 8, 6)
    place = (points[HALVES[seen.triangle]] * seen.weights[..., None]).sum(1)
    assert place[:, 0] == pytest.approx(seen.pixel % 8 + 0.5, abs=1e-4)
    assert place[:, 1] == pytest.approx(seen.pixel // 8 + 0.5, abs=1e-4)
    assert seen.depth == pytest.approx(place[:, 1] - 1, abs=1e-4)


def test_nearer_triangle_wins_in_any_order() -> None:
    points = np.concatenate([SQUARE, SQUARE + NEARER]).astype(np.float32)
    for triangles in (np.concatenate([HALVES, HALVES + 4]), np.concatenate([HALVES + 4, HALVES])):
        seen = rasterise(points, triangles, 8, 6)
        assert (seen.depth == 1).all()


def test_back_faces_and_outside_are_left_out() -> None:
    assert len(rasterise(SQUARE, HALVES[:, ::-1], 8, 6).pixel) == 0
    assert len(rasterise(SQUARE + 20 * RIGHT, HALVES, 8, 6).pixel) == 0
    assert len(rasterise(SQUARE - 20 * RIGHT[[1, 0, 2]], HALVES, 8, 6).pixel) == 0


def test_keep_drops_fragments_before_the_depth_test() -> None:
    points = np.concatenate([SQUARE, SQUARE + NEARER]).astype(np.float32)
    triangles = np.concatenate([HALVES, HALVES + 4])
    seen = rasterise(points, triangles, 8, 6, lambda triangle, b, c, pixel: triangle < 2)
    assert (seen.depth == 0).all()
    assert len(seen.pixel) == 16


def test_no_cracks_in_a_random_mesh() -> None:
    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(np.arange(12), np.arange(12)), axis=2).reshape(-1, 2) * 5.0
    grid += rng.uniform(-1.5, 1.5, grid.shape)
    corner = (np.arange(11)[:, None] * 12 + np.arange(11)).ravel()[:, None]
    triangles = np.concatenate([corner + np.array([0, 12, 13]), corner + np.array([0, 13, 1])])
    points = np.concatenate([grid, np.zeros((144, 1))], axis=1).astype(np.float32)
    covered = np.zeros((60, 60), bool)
    covered.ravel()[rasterise(points, triangles, 60, 60).pixel] = True
    assert covered[3:52, 3:52].all()


def test_normals_point_outwards() -> None:
    normals = vertex_normals(SQUARE * [1, -1, 1], HALVES)
    assert normals == pytest.approx(np.tile([0, 0, 1], (4, 1)))
