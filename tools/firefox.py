"""A headless Firefox driven by its own protocol (Marionette); only the standard library.

For tests of pages in a second browser. `tools.browser` drives Chromium.
"""

import base64
import json
import shutil
import socket
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any

from tools.browser import POLL_S, TIMEOUT_S, Page

NAMES = ("firefox", "firefox-esr")
PREFERENCES = {
    "marionette.port": 0,  # any free one; the profile's PORT_FILE says which
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.enabled": False,
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,",
    "extensions.getAddons.cache.enabled": False,
    "browser.safebrowsing.downloads.enabled": False,
}
PORT_FILE = "MarionetteActivePort"
START_S = 180.0
CONSOLE = """
    return Services.console.getMessageArray()
        .filter((m) => m instanceof Ci.nsIScriptError && !(m.flags & m.warningFlag))
        .filter((m) => m.sourceName.startsWith('http'))
        .map((m) => `${m.sourceName}:${m.lineNumber}: ${m.errorMessage}`);
"""


def firefox() -> str | None:
    """Path of a Firefox on this machine, None without one."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Firefox(Page):
    """One page of a Firefox; a context manager."""

    def __init__(self, program: str) -> None:
        self._folder = TemporaryDirectory(ignore_cleanup_errors=True)
        profile = Path(self._folder.name)
        lines = [f"user_pref({json.dumps(k)}, {json.dumps(v)});\n" for k, v in PREFERENCES.items()]
        (profile / "user.js").write_text("".join(lines))
        self._process = subprocess.Popen(
            [
                program,
                "--headless",
                "--marionette",
                "--remote-allow-system-access",
                "--no-remote",
                "--profile",
                str(profile),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._port_file, self._number = profile / PORT_FILE, 0

    def __enter__(self) -> "Firefox":
        """Open an empty page."""
        end = time.monotonic() + START_S
        while not (self._port_file.is_file() and self._port_file.read_text()):
            if time.monotonic() > end or self._process.poll() is not None:
                self._end()
                raise TimeoutError("Firefox does not start")
            time.sleep(POLL_S)
        port = int(self._port_file.read_text())
        self._socket = socket.create_connection(("127.0.0.1", port), START_S)
        self._stream = self._socket.makefile("rwb")
        self._receive()  # its greeting
        self._call("WebDriver:NewSession", capabilities={})
        self._call("WebDriver:SetTimeouts", script=int(1000 * TIMEOUT_S))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the browser and remove its profile."""
        self._stream.close()
        self._socket.close()
        self._end()

    def open(self, url: str, width: int = 1280, height: int = 900) -> None:
        """Load a page in a window of that size."""
        self._call("WebDriver:SetWindowRect", width=width, height=height)
        self._call("WebDriver:Navigate", url=url)

    def run(self, script: str) -> Any:
        """Value of a JavaScript expression on the page; of a promise, what it resolves to."""
        return self._script(f"return ({script});")

    @property
    def errors(self) -> list[str]:
        """What went wrong in the scripts of pages, workers included, since the start."""
        self._call("Marionette:SetContext", value="chrome")
        try:
            return list(self._script(CONSOLE))
        finally:
            self._call("Marionette:SetContext", value="content")

    def picture(self) -> bytes:
        """PNG of the whole page."""
        return base64.b64decode(self._call("WebDriver:TakeScreenshot", full=True)["value"])

    def _script(self, body: str) -> Any:
        return self._call("WebDriver:ExecuteScript", script=body, args=[])["value"]

    def _call(self, command: str, **params: Any) -> dict[str, Any]:
        """Send a command and wait for its answer."""
        self._number += 1
        data = json.dumps([0, self._number, command, params]).encode()
        self._stream.write(f"{len(data)}:".encode() + data)
        self._stream.flush()
        _, _, error, value = self._receive()
        if error:
            raise RuntimeError(f"{command}: {error['message']}")
        return dict(value or {})

    def _receive(self) -> Any:
        length = b""
        while not length.endswith(b":"):
            part = self._stream.read(1)
            if not part:
                raise RuntimeError("Firefox has ended")
            length += part
        return json.loads(self._stream.read(int(length[:-1])))

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()
