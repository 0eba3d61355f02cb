import pytest

from benchmarks.pages import fill
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
