"""Picture of the pages of `fbnet web` for the docs, as a phone shows them: `python tools/pages.py`.

The demo with the README's photograph, and the table of this machine's Chromium. Leave the machine
alone meanwhile; needs a Chromium and onnxruntime-web. Writes docs/web.png.
"""

import sys
import threading
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from fbnet.costs.kit.contents import Contents
from fbnet.params import NNI_SPACE
from fbnet.predict.landmarker import PRETRAINED
from fbnet.web.equations import kit_for
from fbnet.web.serve import Server
from fbnet.web.site import write_site
from tools.browser import Browser, chromium
from tools.portrait import photograph
from tools.screenshots import save

OUT = Path(__file__).parents[1] / "docs/web.png"
PHONE = (390, 844)
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
    """Write the site, open both pages, and set their pictures side by side."""
    program = chromium()
    if program is None:
        sys.exit("pages: no Chromium on this machine")
    with TemporaryDirectory() as name:
        folder = Path(name)
        contents = Contents.of(NNI_SPACE, 106, 112, checks=8, seed=0)
        kit = kit_for(contents, 0, folder / "known", folder / "kit")
        write_site(folder / "web", PRETRAINED, kit)
        cv2.imwrite(str(folder / "web/picture.png"), photograph())
        with Server(folder / "web") as server, Browser(program) as page:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            shown = [demo(page, server.address), table(page, server.address)]
            server.shutdown()
    height = min(picture.shape[0] for picture in shown)  # the table goes on below
    padded = [
        cv2.copyMakeBorder(
            picture[:height], 0, 0, GAP, GAP, cv2.BORDER_CONSTANT, value=(235, 235, 235)
        )
        for picture in shown
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
    page.open(f"{address}measure.html", *PHONE)
    page.wait("!document.getElementById('start').disabled")
    page.run("document.getElementById('start').click()")
    page.wait("!document.getElementById('results').hidden", 300)
    return taken(page)


def taken(page: Browser) -> np.ndarray:
    """The whole page, uint8 BGR."""
    return cv2.imdecode(np.frombuffer(page.picture(whole=True), np.uint8), cv2.IMREAD_COLOR)


if __name__ == "__main__":
    sys.exit(main())
