"""Pages written and shown, a browser to look at them with, and a clip for its camera."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from matplotlib.cbook import get_sample_data

from fbnet.costs.kit.contents import Contents
from fbnet.costs.kit.write import write_kit
from fbnet.params import SpaceParams, StageParams
from fbnet.predict.landmarker import PRETRAINED
from fbnet.web import runtime
from fbnet.web.serve import Server, Take
from fbnet.web.site import write_site
from tools.browser import Browser, chromium
from tools.firefox import Firefox, firefox

SPACE = SpaceParams(
    stages=(
        StageParams(ops=("mb_k3_res", "gh_k3"), layer_num=1, channels=32, stride=1),
        StageParams(ops=("sep_k3", "mb_k3_res_se"), layer_num=1, channels=16, stride=2),
    )
)
CONTENTS = Contents.of(SPACE, points=68, size=32, checks=1, seed=0)
BLANK = "blank.html"
"""A page of the site that does nothing, for what tests run themselves."""
CLIP_SIZE, CLIP_FRAMES = (320, 240), 20
CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")


@pytest.fixture(scope="session")
def photograph() -> np.ndarray:
    """Rear Admiral Grace Hopper, in the public domain; uint8 BGR."""
    with get_sample_data("grace_hopper.jpg") as stream:
        return cv2.imdecode(np.frombuffer(stream.read(), np.uint8), cv2.IMREAD_COLOR)


@pytest.fixture(scope="session")
def clip(photograph: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of the photograph, which turns, grows and moves, for a browser's camera."""
    width, height = CLIP_SIZE
    path = tmp_path_factory.mktemp("clip") / "clip.y4m"
    with open(path, "wb") as stream:
        stream.write(f"YUV4MPEG2 W{width} H{height} F10:1 Ip A1:1 C420jpeg\n".encode())
        for angle in np.linspace(0, 2 * np.pi, CLIP_FRAMES, endpoint=False):
            turn = cv2.getRotationMatrix2D(
                (256, 200), 8 * np.sin(angle), 0.65 + 0.05 * np.cos(angle)
            )
            turn[:, 2] += (width / 2 - 256 + 20 * np.cos(angle), height / 2 - 200)
            frame = cv2.warpAffine(photograph, turn, CLIP_SIZE, borderMode=cv2.BORDER_REPLICATE)
            stream.write(b"FRAME\n" + cv2.cvtColor(frame, cv2.COLOR_BGR2YUV_I420).tobytes())
    return path


@pytest.fixture(scope="session")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small kit for onnxruntime."""
    folder = tmp_path_factory.mktemp("small") / "kit"
    write_kit(folder, CONTENTS, ["onnxruntime"])
    return folder


@pytest.fixture(scope="session")
def site(kit: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages with the shipped model and the small kit."""
    if not runtime.is_here():
        pytest.skip("onnxruntime-web is not here; `make env` fetches it where npm is")
    folder = tmp_path_factory.mktemp("pages") / "web"
    write_site(folder, PRETRAINED, kit)
    (folder / BLANK).write_text('<link rel="icon" href="data:,">')
    return folder


@pytest.fixture
def served() -> Iterator[Callable[..., Server]]:
    """Serves folders while a test runs: served(folder, take=None) -> its server."""
    servers = []

    def start(folder: Path, take: Take | None = None) -> Server:
        server = Server(folder, take=take)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="session")
def browsers() -> Iterator[dict[tuple[str, ...], Browser]]:
    """The browsers that tests have started, by their flags: a start takes seconds."""
    started: dict[tuple[str, ...], Browser] = {}
    yield started
    for each in started.values():
        each.__exit__(None, None, None)


@pytest.fixture
def browser(browsers: dict[tuple[str, ...], Browser]) -> Callable[..., Browser]:
    """A Chromium with flags, and no errors yet: browser("--flag") -> its page."""
    program = chromium()
    if program is None:
        pytest.skip("no Chromium on this machine")

    def start(*flags: str) -> Browser:
        if flags not in browsers:
            browsers[flags] = Browser(program, *flags).__enter__()
        browsers[flags].errors.clear()
        return browsers[flags]

    return start


@pytest.fixture(scope="session")
def second_browser() -> Iterator[Firefox]:
    """A Firefox with an empty page."""
    program = firefox()
    if program is None:
        pytest.skip("no Firefox on this machine")
    with Firefox(program) as started:
        yield started
