"""Numbers become the right places."""

import pytest

from stages.page.charts import Axis, Series, chart, path_data, span


@pytest.mark.parametrize(
    ("low", "high", "log", "ticks"),
    [
        (0, 1, False, [0, 0.25, 0.5, 0.75, 1]),
        (1, 16, False, [5, 10, 15]),
        (0.273, 0.391, False, [0.3, 0.35]),
        (0, 0.15, False, [0, 0.05, 0.1, 0.15]),
        (3, 300, True, [5, 10, 20, 50, 100, 200]),
        (21, 48, True, [30, 40]),  # less than a decade: plain steps
    ],
)
def test_ticks_are_round_and_inside(low, high, log, ticks):
    assert Axis("", low, high, log=log).ticks() == pytest.approx(ticks)


def test_points_are_mapped_upwards_and_rightwards():
    x, y = Axis("x", 0, 10), Axis("y", 1, 100, log=True)
    dots = Series("a", [(0, 1), (10, 100), (5, 10)], "c0", "dots", ["p", "q", "r"])
    drawn = chart("t", x, y, [dots], guides=[5])
    (low, high, middle) = drawn.drawn[0].dots
    assert low == (drawn.left, drawn.bottom, "p")
    assert high == (drawn.right, drawn.top, "q")
    assert middle[:2] == ((drawn.left + drawn.right) / 2, (drawn.top + drawn.bottom) / 2)
    assert drawn.guides == [(middle[0], "5")]
    assert drawn.legend == [("c0", "a")]


def test_a_step_keeps_its_height():
    assert path_data([(0, 5), (2, 3)]) == "M0 5L2 3"
    assert path_data([(0, 5), (2, 3)], step=True) == "M0 5H2L2 3"


def test_equal_values_still_span_an_axis():
    assert span([2.0, 2.0]) == pytest.approx((1.88, 2.12))
    assert span([0.0]) == (-1.0, 1.0)
