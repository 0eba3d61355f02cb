"""A headless Chromium driven through pipes (Chrome DevTools Protocol); only the standard library.

For pictures of pages in the docs and for tests of pages.
"""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
# Chromium reads commands from descriptor 3 and writes to 4; the shell moves the pipes there.
START = 'exec "$@" 3</proc/self/fd/{} 4>/proc/self/fd/{}'
FIRST_FREE = 10
TIMEOUT_S = 60.0
POLL_S = 0.1


def chromium() -> str | None:
    """Path of a Chromium on this machine, None without one."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Page(ABC):
    """A page in some browser, in which JavaScript is run."""

    @abstractmethod
    def run(self, script: str) -> Any:
        """Value of a JavaScript expression on the page; of a promise, what it resolves to."""

    def wait(self, script: str, seconds: float = TIMEOUT_S) -> None:
        """Wait until the expression is true. Raises TimeoutError after `seconds`."""
        end = time.monotonic() + seconds
        while not self.run(script):
            if time.monotonic() > end:
                raise TimeoutError(script)
            time.sleep(POLL_S)


class Browser(Page):
    """One page of a Chromium; a context manager. `errors` lists what went wrong on the page.

    flags: of the command line, beside those that keep it quiet.
    """

    def __init__(self, program: str, *flags: str) -> None:
        self._folder = TemporaryDirectory(ignore_cleanup_errors=True)
        chromium_in, self._to = _pipe()
        self._from, chromium_out = _pipe()
        flags = (*FLAGS, *flags, f"--user-data-dir={self._folder.name}")
        self._process = subprocess.Popen(
            ["sh", "-c", START.format(chromium_in, chromium_out), "sh", program, *flags],
            pass_fds=(chromium_in, chromium_out),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(chromium_in)
        os.close(chromium_out)
        self._buffer, self._number, self._session = b"", 0, ""
        self.errors: list[str] = []

    def __enter__(self) -> "Browser":
        """Open an empty page and record its errors."""
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")
        # Its workers are attached to as well, so that their errors are seen.
        self._call(
            "Target.setAutoAttach", autoAttach=True, waitForDebuggerOnStart=False, flatten=True
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the browser and remove its profile."""
        with suppress(Exception):
            self._session = ""
            self._call("Browser.close")
        self._process.kill()
        self._process.wait()
        os.close(self._to)
        os.close(self._from)
        self._folder.cleanup()

    def open(self, url: str, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        """Load a page in a window of that size in CSS pixels."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._call("Emulation.setEmulatedMedia", features=[scheme])
        self._size(width, height)
        self._call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'")

    def run(self, script: str) -> Any:
        """Value of a JavaScript expression on the page; of a promise, what it resolves to."""
        answer = self._call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{script}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def key(self, name: str) -> None:
        """Press a key, "Enter" or "Tab", on the element that has the focus."""
        code, text = {"Enter": (13, "\r"), "Tab": (9, "")}[name]
        for kind in ("keyDown", "keyUp"):
            self._call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=name,
                code=name,
                windowsVirtualKeyCode=code,
                text=text if kind == "keyDown" else "",
            )

    def picture(self, whole: bool = False) -> bytes:
        """PNG of the window, or of the whole page."""
        shot = self._call("Page.captureScreenshot", captureBeyondViewport=whole)
        return base64.b64decode(shot["data"])

    def throttle(self, factor: float) -> None:
        """Slow the page down so many times, as on a slow device; Chromium spares its workers."""
        self._call("Emulation.setCPUThrottlingRate", rate=factor)

    def _size(self, width: int, height: int) -> None:
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        number = self._send(self._session, method, **params)
        while True:
            answer = self._receive()
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return dict(answer["result"])
            self._note(answer)

    def _send(self, session: str, method: str, **params: Any) -> int:
        """Send a command to the page or worker of a session; returns its number."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        return self._number

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            if not select.select([self._from], [], [], TIMEOUT_S)[0]:
                raise TimeoutError("Chromium does not answer")
            part = os.read(self._from, 1 << 20)
            if not part:
                raise RuntimeError("Chromium has ended")
            self._buffer += part
        message, _, self._buffer = self._buffer.partition(b"\0")
        return dict(json.loads(message))

    def _note(self, event: dict[str, Any]) -> None:
        params = event.get("params", {})
        match event.get("method"):
            case "Target.attachedToTarget":
                for domain in ("Runtime", "Log"):
                    self._send(params["sessionId"], f"{domain}.enable")
            case "Runtime.exceptionThrown":
                self.errors.append(str(params["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if params["type"] in ("error", "assert"):
                self.errors.append(str(params["args"]))
            case "Log.entryAdded" if params["entry"]["level"] == "error":
                self.errors.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
            case "Network.loadingFailed":
                self.errors.append(f"not loaded: {params['errorText']}")


@contextmanager
def opened(page: Path, **window: Any) -> Iterator[Browser]:
    """A browser with a local page in it. Raises FileNotFoundError where there is no Chromium."""
    if (program := chromium()) is None:
        raise FileNotFoundError(f"no Chromium here; looked for {', '.join(NAMES)}")
    with Browser(program) as browser:
        browser.open(page.resolve().as_uri(), **window)
        yield browser


def _pipe() -> tuple[int, int]:
    """A pipe whose descriptors do not collide with 3 and 4, which the shell reassigns."""
    ends = os.pipe()
    moved = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, FIRST_FREE) for end in ends]
    for end in ends:
        os.close(end)
    return moved[0], moved[1]
