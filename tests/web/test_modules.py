"""The pages' modules against Python's, in a browser; these need no engine."""

import json
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from fbnet.costs.device_lut import device_table
from fbnet.costs.kit.results import read_results, table_of
from fbnet.costs.lut import cost_of, from_table
from fbnet.costs.timing import Timing
from fbnet.faces.faceset import FaceSet
from fbnet.files import write_text
from fbnet.params import LutParams, SearchParams
from fbnet.predict.crops import Place, crop
from fbnet.search.loop import Search
from fbnet.web.equations import kit_of
from fbnet.web.measured import take
from fbnet.web.serve import Server
from fbnet.web.site import PAGES
from tests.web.conftest import CONTENTS, SPACE
from tools.browser import Browser

pytestmark = pytest.mark.xdist_group("web")  # one browser, one kit


@pytest.fixture
def page(served: Callable[..., Server], browser: Callable[..., Browser]) -> Browser:
    """An empty page that may import the modules."""
    shown = browser()
    shown.open(f"{served(PAGES).address}base.css")
    return shown


def call(page: Browser, module: str, body: str, **values: Any) -> Any:
    """What a body of JavaScript returns, which sees `values` and the module as `m`."""
    names = "".join(f"const {name} = {json.dumps(value)};" for name, value in values.items())
    return page.run(f"(async () => {{ const m = await import('/{module}'); {names} {body} }})()")


def as_image(picture: np.ndarray) -> dict[str, Any]:
    """A picture BGR as the modules take it."""
    height, width = picture.shape[:2]
    return {"data": picture[..., ::-1].ravel().tolist(), "width": width, "height": height}


@pytest.mark.parametrize(
    ("low", "high", "scale", "size"),
    [
        ((20.0, 15.0), (70.5, 60.25), 1.2, 24),  # shrunk by a fraction
        ((10.5, 10.5), (49.5, 40.0), 1.0, 13),  # shrunk by a whole number
        ((30.25, 20.5), (42.0, 33.0), 1.2, 48),  # enlarged
        ((-20.0, 5.0), (30.0, 70.0), 1.4, 40),  # over the picture's edge
        ((200.0, 200.0), (230.0, 230.0), 1.2, 16),  # beyond it
    ],
)
def test_crops_are_python_s(
    page: Browser, low: tuple[float, float], high: tuple[float, float], scale: float, size: int
) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (80, 100, 3), np.uint8)
    points = np.array([low, high])
    expected = crop(picture, Place(points, scale), size)
    body = (
        "const {image, corner, side} = m.cut({...source, data: Uint8Array.from(source.data)}, "
        "points, scale, size); return {image: Array.from(image.data), corner, side};"
    )
    values = {"source": as_image(picture), "points": points.tolist(), "scale": scale, "size": size}
    got = call(page, "pixels.js", body, **values)
    shown = np.array(got["image"]).reshape(size, size, 3)[..., ::-1]
    assert np.abs(shown - expected.image).max() <= 1
    assert (shown == expected.image).mean() > 0.98
    assert got["side"] == pytest.approx(expected.side, abs=1e-4)
    assert np.array(got["corner"]) - 0.5 == pytest.approx(expected.corner, abs=1e-4)


def test_areas_are_opencv_s(page: Browser) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (53, 71, 3), np.uint8)
    body = (
        "return Array.from(m.resize({...source, data: Uint8Array.from(source.data)}, 31, 19).data);"
    )
    got = np.array(call(page, "pixels.js", body, source=as_image(picture))).reshape(19, 31, 3)
    expected = cv2.resize(picture, (31, 19), interpolation=cv2.INTER_AREA)
    assert np.abs(got[..., ::-1] - expected).max() <= 1
    assert (got[..., ::-1] == expected).mean() > 0.99


@pytest.mark.parametrize("count", [1, 4, 7, 40])
def test_a_timing_is_python_s(page: Browser, count: int) -> None:
    samples = np.random.default_rng(count).exponential(1.0, count).tolist()
    got = call(page, "timing.js", "return m.timing(samples);", samples=samples)
    expected = Timing.of(samples)
    assert {name: getattr(expected, name) for name in got} == pytest.approx(got)


def test_every_round_times_every_call_until_the_time_is_up(page: Browser) -> None:
    body = """
    const busy = (ms) => async () => { const end = performance.now() + ms; while (performance.now() < end); };
    const seen = [];
    const times = await m.measure({a: busy(1), b: busy(4)}, {rounds: 2, ci: 1e9, seconds: 60},
                                  (event) => seen.push(event));
    const stopped = await m.measure({a: busy(1), b: busy(1)}, {rounds: 1e6, ci: 0, seconds: 0.2}, () => {});
    return {times, seen, stopped};
    """  # noqa: E501
    got = call(page, "timing.js", body)
    assert list(got["times"]) == ["a", "b"]
    assert {timing["n"] for timing in got["times"].values()} == {5}  # the first look, of rounds
    assert got["times"]["a"]["min"] >= 1 and got["times"]["b"]["min"] >= 4
    assert [event["round"] for event in got["seen"]] == [0] * 4 + [
        r for r in range(1, 5) for _ in "ab"
    ]
    assert 1 <= got["stopped"]["a"]["n"] < 1e6


AGENTS = {
    "Mozilla/5.0 (Linux; Android 14; SM-S911B) AppleWebKit/537.36 (KHTML, like Gecko) "
    "SamsungBrowser/24.0 Chrome/117.0.0.0 Mobile Safari/537.36": (
        "Samsung Internet 24.0", "Android 14; SM-S911B",
    ),
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/131.0.0.0 Mobile Safari/537.36 EdgA/131.0.0.0": ("Edge 131.0.0.0", "Android"),
    "Mozilla/5.0 (Linux; Android 13; M2101K6G Build/TKQ1.221013.002) AppleWebKit/537.36 "
    "(KHTML, like Gecko) Chrome/130.0.6723.58 Mobile Safari/537.36 OPR/86.0.4550.81": (
        "Opera 86.0.4550.81", "Android 13; M2101K6G",
    ),
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/131.0.0.0 Mobile Safari/537.36": ("Chrome 131.0.0.0", "Android"),
    "Mozilla/5.0 (Android 14; Mobile; rv:133.0) Gecko/133.0 Firefox/133.0": (
        "Firefox 133.0", "Android 14",
    ),
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_7 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) CriOS/131.0.6778.73 Mobile/15E148 Safari/604.1": (
        "Chrome 131.0.6778.73", "iPhone",
    ),
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_7 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) FxiOS/133.0 Mobile/15E148 Safari/605.1.15": ("Firefox 133.0", "iPhone"),
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_7 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/17.0 EdgiOS/131.0.2903.68 Mobile/15E148 Safari/605.1.15": (
        "Edge 131.0.2903.68", "iPhone",
    ),
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_7 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/17.6 Mobile/15E148 Safari/604.1": ("Safari 17.6", "iPhone"),
    "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0": (
        "Firefox 133.0", "Linux x86_64",
    ),
    "curl": ("a browser", "a device"),
}  # fmt: skip
"""User agents in the forms that browsers give, and the names of browser and device in them."""


def test_browsers_and_devices_are_named_by_their_agents(page: Browser) -> None:
    body = "return agents.map((agent) => Object.values(m.named(agent)));"
    got = call(page, "machine.js", body, agents=list(AGENTS))
    assert got == [list(names) for names in AGENTS.values()]


def made_up(models: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Timings that fit together: a base of 1 ms, blocks of their own, nets far above both."""
    values = {name: 1.0 + 0.01 * i for i, name in enumerate(sorted(models))}
    values |= {name: 1.0 for name in models if name.startswith("base")}
    values |= {name: 3.0 + i for i, name in enumerate(m for m in models if m.startswith("net"))}
    rest = {"n": 20, "mean": 1.0, "std": 0.1, "ci": 0.01}
    return {name: {**rest, "min": value, "median": value} for name, value in values.items()}


FACTS = {
    "engine": "onnxruntime-web",
    "version": "1.30.0 in Chromium 1",
    "cpu": 'A "phone", with 8 cores',
    "threads": 2,
    "program": "fbnet web",
}


def test_the_page_s_table_and_csv_are_those_of_the_import(
    page: Browser, kit: Path, tmp_path: Path
) -> None:
    known = kit_of(kit)
    times = made_up(known["models"])
    body = "return {table: m.tableOf(kit, times), csv: m.csvOf(times, facts)};"
    facts = FACTS | {"kit": known["id"]}
    got = call(page, "table.js", body, kit=known, times=times, facts=facts)
    write_text(tmp_path / "results.csv", got["csv"])
    read = read_results(got["csv"], "results.csv")
    assert read.facts == {name: str(value) for name, value in facts.items()}
    table = table_of(tmp_path / "results.csv", kit)
    assert table["protocol"] == {"threads": 2, "batch": 1, "program": "fbnet web"}
    assert got["table"]["error"] == pytest.approx(table["mape"])
    assert got["table"]["fixed"] == pytest.approx(table["fixed"]["median"])
    for shown, layer in zip(got["table"]["layers"], table["layers"], strict=True):
        assert shown == pytest.approx({b: c["median"] for b, c in layer["blocks"].items()})
    lut = from_table(table, SPACE)
    for net in got["table"]["checks"]:
        assert net["predicted"] == pytest.approx(cost_of(lut, tuple(net["choice"])))


def test_a_search_runs_by_the_table_that_a_page_sends(
    page: Browser, kit: Path, faces: FaceSet, tmp_path: Path
) -> None:
    known = kit_of(kit)
    facts = FACTS | {"kit": known["id"]}
    times = made_up(known["models"])
    text = call(page, "table.js", "return m.csvOf(times, facts);", times=times, facts=facts)
    params = LutParams(source="file", file=take(text, kit, tmp_path)["table"])
    lut = from_table(device_table(SPACE, CONTENTS.points, params, CONTENTS.size), SPACE)
    short = SearchParams(
        epochs=2, warmup_epochs=1, batch=16, arch_batch=4, nas_lr=6.0, augment=False, min_steps=0,
        proxy_share=1.0,
    )  # fmt: skip
    search = Search(faces, SPACE, lut, short)
    search.run()
    assert np.isfinite(search.history[-1]["arch_loss"])
    assert cost_of(lut, search.choice()) in {cost_of(lut, c) for c in product(*SPACE.layer_ops)}
