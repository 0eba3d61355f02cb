"""The pages' tracker against Python's, among made-up faces that pass each other."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fbnet.predict.track import OneEuro
from fbnet.web.serve import Server
from tests.predict.test_track import FPS, PASSING, PULLED, SHAPE, SIDE, followed, passing
from tests.rendered import HEIGHT
from tests.web.conftest import BLANK
from tools.browser import Browser

pytestmark = pytest.mark.xdist_group("web")  # one browser, one kit

FOLLOWED = """
    const {Tracker} = await import('./track.js');
    const middle = (points, axis) => {
        const values = points.map((point) => point[axis]);
        return (Math.min(...values) + Math.max(...values)) / 2;
    };
    const landmarker = {
        async detect({faces}) {
            return faces.map(([x, y]) =>
                ({square: [x - SIDE / 2 + 0.5, y - SIDE / 2 + 0.5, SIDE, SIDE], score: 0.9}));
        },
        async predict({faces}, around) {
            const [x, y] = [middle(around, 0), middle(around, 1)];
            const away = faces.map((face) => Math.hypot(face[0] - x, face[1] - y));
            const least = Math.min(...away);
            const near = least < SIDE ? faces[away.indexOf(least)] : [x, y];
            return SHAPE.map(([right, down]) =>
                [x + PULLED * (near[0] - x) + right, y + PULLED * (near[1] - y) + down]);
        },
        async settle(frame, [x, y, side], score) {
            const corners = [[x - 0.5, y - 0.5], [x + side - 0.5, y + side - 0.5]];
            const first = await this.predict(frame, corners);
            return {landmarks: await this.predict(frame, first), score};
        },
    };
    const tracker = new Tracker(landmarker, SMOOTHING);
    const shown = [];
    for (const [index, faces] of SCRIPT.entries()) {
        shown.push(await tracker.next({faces, width: 700, height: HEIGHT}, index / FPS));
    }
    return shown;
"""


@pytest.mark.parametrize(("front", "behind"), PASSING)
def test_the_pages_follow_those_who_pass_each_other_as_python_does(
    site: Path,
    served: Callable[..., Server],
    browser: Callable[..., Browser],
    front: float,
    behind: float,
) -> None:
    script = passing(front, behind, first=False)
    script[14:27] = [faces[:-1] for faces in script[14:27]]  # a hand before the one beside them
    values: dict[str, Any] = {
        "SCRIPT": script, "SHAPE": SHAPE.tolist(), "SIDE": SIDE, "PULLED": PULLED, "FPS": FPS,
        "HEIGHT": HEIGHT, "SMOOTHING": vars(OneEuro()),
    }  # fmt: skip
    names = "".join(f"const {name} = {json.dumps(value)};" for name, value in values.items())
    page = browser()
    page.open(f"{served(site).address}{BLANK}")
    got = page.run(f"(async () => {{ {names} {FOLLOWED} }})()")
    for shown, faces in zip(got, followed(script, OneEuro()), strict=True):
        assert len(shown) == len(faces)
        for one, found in zip(shown, faces, strict=True):
            assert np.array(one["landmarks"]) == pytest.approx(found.landmarks, abs=1e-6)
