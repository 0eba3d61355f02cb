"""Point orders: mirror maps, regions, conversions."""

import numpy as np
import pytest

from fbnet.landmarks import LAPA_TO_NNI, NNI_TO_IBUG68, SCHEMES, Scheme, convert, eye_distance

# Positions in Scheme.pose: left and right outer brows, inner brows, eye corners, nose, mouth.
POSE_PAIRS = ((0, 3), (1, 2), (4, 7), (5, 6), (8, 9), (10, 11), (12, 12), (13, 13))


@pytest.fixture(params=sorted(SCHEMES))
def scheme(request: pytest.FixtureRequest) -> Scheme:
    return SCHEMES[request.param]


def test_the_mirror_is_an_involution(scheme: Scheme) -> None:
    mirror = np.array(scheme.mirror)
    assert scheme.points == len(mirror)
    assert (mirror[mirror] == np.arange(scheme.points)).all()


def test_the_mirror_keeps_every_region(scheme: Scheme) -> None:
    for points in scheme.regions.values():
        assert {scheme.mirror[point] for point in points} == set(points)


def test_the_regions_cover_every_point_once(scheme: Scheme) -> None:
    covered = sorted(point for points in scheme.regions.values() for point in points)
    assert covered == list(range(scheme.points))


def test_the_eye_corners_change_places_in_the_mirror(scheme: Scheme) -> None:
    left, right = scheme.eyes
    assert (scheme.mirror[left], scheme.mirror[right]) == (right, left)
    assert scheme.pose[4] == left and scheme.pose[7] == right


def test_the_pose_points_pair_up_in_the_mirror(scheme: Scheme) -> None:
    assert len(set(scheme.pose)) == 14
    for one, other in POSE_PAIRS:
        assert scheme.mirror[scheme.pose[one]] == scheme.pose[other]


@pytest.mark.parametrize(("points", "fixed"), [(68, 10), (98, 10), (106, 10)])
def test_a_handful_of_points_lies_on_the_middle_line(points: int, fixed: int) -> None:
    mirror = np.array(SCHEMES[points].mirror)
    assert (mirror == np.arange(points)).sum() == fixed


def test_lapa_order_is_a_permutation_of_nni_order() -> None:
    assert sorted(LAPA_TO_NNI) == list(range(106))


@pytest.mark.parametrize(
    ("nni", "lapa"), [(0, 16), (1, 0), (17, 32), (35, 66), (93, 79), (86, 54), (52, 84), (61, 90)]
)
def test_lapa_points_land_on_their_nni_number(nni: int, lapa: int) -> None:
    assert LAPA_TO_NNI[nni] == lapa


def test_ibug_points_are_distinct_nni_points() -> None:
    assert len(set(NNI_TO_IBUG68.tolist())) == len(NNI_TO_IBUG68) == 68
    assert NNI_TO_IBUG68.min() >= 0 and NNI_TO_IBUG68.max() < 106


def test_the_106_mirror_seen_through_ibug_is_the_68_mirror() -> None:
    nni, ibug = np.array(SCHEMES[106].mirror), np.array(SCHEMES[68].mirror)
    assert (nni[NNI_TO_IBUG68] == NNI_TO_IBUG68[ibug]).all()


def test_eye_corners_agree_between_106_and_68() -> None:
    assert tuple(NNI_TO_IBUG68[list(SCHEMES[68].eyes)]) == SCHEMES[106].eyes


def test_ibug_regions_come_from_the_same_nni_regions() -> None:
    for region, points in SCHEMES[68].regions.items():
        assert set(NNI_TO_IBUG68[list(points)]) <= set(SCHEMES[106].regions[region])


def test_convert_sorts_the_point_axis() -> None:
    points = np.arange(2 * 106 * 2).reshape(2, 106, 2)
    sorted_points = convert(points, NNI_TO_IBUG68)
    assert sorted_points.shape == (2, 68, 2)
    assert (sorted_points[1, 8] == points[1, 0]).all()


def test_eye_distance_is_the_distance_of_the_outer_corners(scheme: Scheme) -> None:
    points = np.zeros((2, scheme.points, 2))
    points[1, scheme.eyes[1]] = (3, 4)
    np.testing.assert_allclose(eye_distance(points, scheme), [0, 5])
