"""Picture of the pages of `fbnet web` for the docs, as a phone shows them: `python tools/web.py`.

The demo with the README's photograph, and the table of this machine's Chromium. Leave the machine
alone meanwhile; needs a Chromium and onnxruntime-web. Writes docs/web.png.
"""

import sys
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from tools.browser import Browser
from tools.pages import PHONE, measure, shown, site
from tools.portrait import photograph
from tools.screenshots import save

OUT = Path(__file__).parents[1] / "docs/web.png"
GAP = 24
CHOOSE = """(async () => {
    const picture = new File([await (await fetch('picture.png')).blob()], 'picture.png');
    const chosen = new DataTransfer();
    chosen.items.add(picture);
    const input = document.getElementById('file');
    input.files = chosen.files;
    input.dispatchEvent(new Event('change'));
})()"""


def main() -> int:
    """Open both pages, and set their pictures side by side."""
    with site() as folder, shown(folder) as (page, address):
        cv2.imwrite(str(folder / "picture.png"), photograph())
        pictures = [demo(page, address), table(page, address)]
    height = min(picture.shape[0] for picture in pictures)  # the table goes on below
    padded = [
        cv2.copyMakeBorder(
            picture[:height], 0, 0, GAP, GAP, cv2.BORDER_CONSTANT, value=(235, 235, 235)
        )
        for picture in pictures
    ]
    save(cv2.imencode(".png", np.hstack(padded))[1].tobytes(), OUT)
    return 0


def demo(page: Browser, address: str) -> np.ndarray:
    """The demo with the photograph chosen, uint8 BGR."""
    page.open(address, *PHONE)
    page.wait("!document.getElementById('file').disabled")
    page.run(CHOOSE)
    page.wait("document.getElementById('faces').textContent === '1'")
    return taken(page)


def table(page: Browser, address: str) -> np.ndarray:
    """The page of measurement when it has measured, uint8 BGR."""
    measure(page, address)
    return taken(page)


def taken(page: Browser) -> np.ndarray:
    """The whole page, uint8 BGR."""
    return cv2.imdecode(np.frombuffer(page.picture(whole=True), np.uint8), cv2.IMREAD_COLOR)


if __name__ == "__main__":
    sys.exit(main())
