import pytest

from benchmarks.core.page import fill, percent, picture, table
from fbnet.errors import BadInput


def test_sections_are_replaced_and_the_rest_stays(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("head\n<!-- goals -->\nold\n<!-- end goals -->\ntail\n")
    for body in ("new", "newer"):
        fill(page, {"goals": body})
        assert page.read_text() == f"head\n<!-- goals -->\n{body}\n<!-- end goals -->\ntail\n"


def test_a_page_without_a_marker_stays_as_it_was(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("<!-- goals -->\nold\n<!-- end goals -->\n")
    with pytest.raises(BadInput, match="lacks the markers <!-- tables -->"):
        fill(page, {"goals": "new", "tables": "x"})
    assert "old" in page.read_text()


def test_tables_leave_gaps_empty():
    assert table([]) == ""
    rows = [{"a": "1", "b": percent(0.0712)}, {"a": "2", "c": percent(None)}]
    assert table(rows).splitlines() == [
        "| a | b | c |", "| --- | --- | --- |", "| 1 | 7.12 % |  |", "| 2 |  |  |",
    ]  # fmt: skip


def test_a_picture_is_linked_from_the_page(tmp_path):
    link = picture(tmp_path / "results/front.png", tmp_path / "docs/search.md", "The front")
    assert link == "![The front](../results/front.png)"
