"""The page of a run: whole, self-contained, and the same twice."""

import base64
import re
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from fbnet.errors import BadInput
from fbnet.files import read_json, write_json
from stages.page.report import report
from tests.stages.page.conftest import CHOICE
from tools import browser

SECTIONS = {
    "headline", "architecture", "probabilities", "costs", "training", "errors", "prediction",
    "faces", "worst",
}  # fmt: skip
SERVED = "http://127.0.0.1:8000/"
"""Where `fbnet web --serve` shows its pages."""
VOID = {"meta", "link", "img"}


class Page(HTMLParser):
    """What a page holds, and that its elements nest."""

    def __init__(self, text):
        super().__init__()
        self.elements, self._open, self.text = [], [], ""
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture
def page(results):
    return Page(report(results, faces=4, worst=3))


def test_every_section_is_there_and_linked_to(page):
    assert {section["id"] for section in page.all("section")} == SECTIONS
    links = {link["href"] for link in page.all("a")}
    assert links == {f"#{name}" for name in SECTIONS} | {SERVED, f"{SERVED}measure.html"}


def test_it_needs_nothing_else(results, page):
    text = report(results).replace(f'href="{SERVED}', "")  # a link loads nothing by itself
    # A namespace is no address; this page has none at all.
    assert not re.search(r"https?:|//[a-z]|url\(|@import", text)
    assert not page.all("script")
    assert not [a for _, a in page.elements if any(name.startswith("on") for name in a)]
    assert [link["href"] for link in page.all("link")] == ["data:,"]


def test_pictures_are_the_faces(faces, page):
    pictures = page.all("img")
    assert [p["alt"] for p in pictures[4:]] == [
        f"Test face {faces.names[i]}" for i in faces.indices("test")[::-1][:3]
    ]
    for picture, index in zip(pictures[4:], faces.indices("test")[::-1], strict=False):
        head, data = picture["src"].split(",")
        assert head == "data:image/jpeg;base64"
        shown = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)
        difference = np.abs(shown.astype(int) - faces.crops([index])[0])
        assert shown.shape == (32, 32, 3) and difference.mean() < 20


def test_points_are_drawn_where_they_lie(faces, results):
    text = report(results, faces=1, worst=1)
    x, y = faces.landmarks[faces.indices("test")[0], 0] * faces.size
    assert f'<path class="true" d="M{x:.1f} {y:.1f}h0' in text


@pytest.mark.parametrize(
    "part",
    [
        "6.25%", "0.375", "1,234", "56,789", "25.00%",  # headline
        "mb_k3_res", "32 at 7 x 7", "40.0 µs",  # architecture: the second of layer 0
        "mb_k3_res 0.40", "sep_k3 0.60",  # probabilities
        "best: 15.00% at epoch 2",  # training
        "0 to 15 degrees", "4.25 %", "subnet: 4.50%",  # errors
        "off by 12.5 %", "mnn_int8", "2.00x",  # prediction
        "NME 8.0 %",  # worst
    ],
)  # fmt: skip
def test_it_shows_the_figures_of_every_stage(page, part):
    assert part in page.text


def test_chosen_blocks_are_framed(page):
    assert [cell["style"] for cell in page.all("td") if cell.get("class") == "chosen"] == [
        "--v: 1.0", "--v: 0.5", "--v: 1.0", "--v: 0.5",
    ]  # fmt: skip


def test_a_search_of_short_trainings_is_told_apart(results, page):
    assert "nets that went on" not in page.text
    write_json(results.metrics("search"), {"search_entropy": 0.5, "search_nets": 37})
    assert "the nets that went on, of 37 that were trained" in Page(report(results)).text


def test_a_table_without_its_figures_is_bad_input(results):
    read = read_json(results.lut("latency"))
    read["layers"][0]["blocks"][CHOICE[0]].pop("median")
    write_json(results.lut("latency"), read)
    with pytest.raises(BadInput, match=r"latency\.json: median is missing"):
        report(results)


def test_equal_results_give_equal_bytes(results):
    assert report(results) == report(results)


def test_baselines_stand_below_this_run_and_are_escaped(results, tmp_path):
    timed = {"onnxruntime": {"latency_ms": 0.3, "to_lite": 0.125}}
    rows = [
        {"model": "<lite>", "data": "photographs", "recipe": "one", "nme": 0.05, "nme_std": 0.002},
        {"model": "subnet", "data": "photographs", "recipe": "one", "nme": 0.04}
        | {"latency_ms": 0.3, "latency": timed},
    ]
    write_json(tmp_path / "table.json", rows)
    write_json(tmp_path / "latency.json", {"cpu": "Their CPU"})
    text = Page(report(results, beside=tmp_path / "table.json")).text
    assert "<lite>" in text and "5.00% ± 0.20%" in text and "five folds" in text
    assert "Their CPU" in text and "This CPU" in text
    assert text.index("0.375 ms here") < text.index("0.12 of lite's, 0.300 ms there")
    assert "searched net of the benchmark" in text and "twice the epochs" not in text
    assert "Other nets" not in Page(report(results, beside=tmp_path / "no.json")).text


def test_it_can_do_without_pictures(results):
    page = Page(report(results, faces=0, worst=0))
    assert page.all("img") == []
    assert {section["id"] for section in page.all("section")} == SECTIONS - {"faces", "worst"}


def test_it_says_what_the_search_can_move(page):
    # By the conftest's table: 0.2 ms fixed, blocks of 0.02 and 0.04 ms in both layers.
    assert "take 200 µs in every net" in page.text
    assert "40 to 80 µs, here 60 µs (23 % of this net)" in page.text


@pytest.mark.parametrize("value", [{"a": 1}, [{"data": "x"}]])
def test_a_baselines_file_of_another_kind_is_bad_input(results, tmp_path, value):
    write_json(tmp_path / "table.json", value)
    with pytest.raises(BadInput, match=r"table\.json: must be a list of rows"):
        report(results, beside=tmp_path / "table.json")


@pytest.mark.parametrize(
    "name", ["search/history.csv", "lut/macs.json", "export/errors.csv", "bench/latency.json"]
)
def test_a_missing_file_is_named(results, name):
    (results.root / name).unlink()
    with pytest.raises(
        BadInput, match=rf"{name}: no such file; stage {name.split('/')[0]} writes it"
    ):
        report(results)


def test_errors_of_other_faces_are_bad_input(results):
    results.errors.write_text("name,nme,mean_face_nme\na,0.1,0.2\n")
    with pytest.raises(BadInput, match="1 faces, the face set has 8"):
        report(results)


@pytest.mark.skipif(browser.chromium() is None, reason="no Chromium on this machine")
@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_a_browser_shows_it(results, tmp_path, width, dark):
    path = tmp_path / "report.html"
    path.write_text(report(results))
    with browser.opened(path, width=width, dark=dark) as shown:
        assert shown.errors == []
        assert shown.run("[...document.images].filter(i => !i.naturalWidth).length") == 0
        heights = "[...document.querySelectorAll('section')].map(s => s.offsetHeight)"
        assert min(shown.run(heights)) > 100
        assert shown.run("document.documentElement.scrollWidth") == width  # nothing sticks out
        background = shown.run("getComputedStyle(document.body).backgroundColor")
        assert background == ("rgb(20, 24, 28)" if dark else "rgb(255, 255, 255)")
