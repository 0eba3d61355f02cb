"""The table of implementations by name."""

import pytest

from fbnet.errors import BadInput
from fbnet.registry import Registry


def test_an_entry_is_imported_when_it_is_asked_for():
    table = Registry("function", {"sqrt": "math:sqrt", "gone": "no.such.module:f"})
    assert list(table) == ["sqrt", "gone"] and "sqrt" in table and len(table) == 2
    assert table["sqrt"](9.0) == 3.0
    with pytest.raises(ModuleNotFoundError):
        table["gone"]


def test_entries_can_be_added_from_outside_but_not_replaced():
    table = Registry("loss", {"l2": "math:sqrt"})
    table.register("mine", abs)
    assert table["mine"](-2) == 2
    with pytest.raises(ValueError, match="'mine' exists"):
        table.register("mine", max)


def test_an_unknown_name_is_bad_input_that_lists_the_known_ones():
    table = Registry("optimiser", {"adamw": "x:y", "rmsprop": "x:y"})
    with pytest.raises(BadInput, match=r"unknown optimiser 'adam'; did you mean 'adamw'.*rmsprop"):
        table["adam"]
    assert table.check("adamw") == "adamw"
