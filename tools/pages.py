"""The pages of `fbnet web` in a Chromium, as a phone shows them: for pictures and measurements."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from fbnet.costs.kit.contents import Contents
from fbnet.params import NNI_SPACE
from fbnet.predict.landmarker import PRETRAINED
from fbnet.web.equations import kit_for
from fbnet.web.serve import Server, Take
from fbnet.web.site import write_site
from tools.browser import Browser, chromium

PHONE = (390, 844)
"""Width and height of a window in CSS pixels."""


@contextmanager
def site() -> Iterator[Path]:
    """A folder with the pages, the shipped model and the kit of NNI's space."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        contents = Contents.of(NNI_SPACE, 106, 112, checks=8, seed=0)
        kit = kit_for(contents, 0, folder / "known", folder / "kit")
        write_site(folder / "web", PRETRAINED, kit)
        yield folder / "web"


@contextmanager
def shown(folder: Path, take: Take | None = None) -> Iterator[tuple[Browser, str]]:
    """A Chromium and the address at which the pages in `folder` are served to it.

    take: what becomes of a table that is sent back. Ends the program where there is no Chromium.
    """
    program = chromium()
    if program is None:
        sys.exit("pages: no Chromium on this machine")
    with Server(folder, take=take) as server, Browser(program) as page:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield page, server.address
        finally:
            server.shutdown()


def measure(page: Browser, address: str, threads: int = 1) -> float:
    """Have the page of measurement measure; the seconds it took, loading of models included."""
    page.open(f"{address}measure.html", *PHONE)
    page.wait("!document.getElementById('start').disabled")
    page.run(f"document.getElementById('threads').value = {threads}")
    start = time.perf_counter()
    page.run("document.getElementById('start').click()")
    page.wait("!document.getElementById('results').hidden", 300)
    return time.perf_counter() - start
