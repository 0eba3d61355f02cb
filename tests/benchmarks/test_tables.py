"""Two tables compared layer by layer."""

import pytest

from benchmarks.tables import compared, markdown


def table(*layers):
    return {
        "layers": [
            {"blocks": {f"b{i}": {"median": cost} for i, cost in enumerate(costs)}}
            for costs in layers
        ]
    }


def test_equal_order_is_1_and_turned_order_is_minus_1():
    found = compared(table((1, 2, 3), (1, 2, 3)), table((2, 4, 6), (3, 2, 1)))
    assert found["spearman"] == [pytest.approx(1), pytest.approx(-1)]
    assert found["difference"] == pytest.approx((1 + 1 + 1 + 2 + 0 + 2 / 3) / 6)


def test_a_line_for_each_table():
    figures = compared(table((1, 2, 3)), table((1, 2, 3)))
    lines = markdown({"mnn": figures | {"seconds": [9.6, 10.2]}, "mnn, kit": figures}).splitlines()
    assert lines[2:] == ["| mnn | 1.000 | 0.0% | 10, 10 |", "| mnn, kit | 1.000 | 0.0% |  |"]
