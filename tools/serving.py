"""A server of one of MLflow's commands on a free port, for as long as a block lasts."""

import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

STARTUP_S, POLL_S, STOP_S = 180.0, 0.2, 30.0


@contextmanager
def serving(
    command: Sequence[str], health: str, environment: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Start `command` with --port and one worker; yields its address once `health` answers.

    health: path of a page that answers when the server is ready, such as "/ping". environment:
    variables set beside those of this process. Raises RuntimeError when the server ends or does
    not answer within STARTUP_S seconds.
    """
    port = _free_port()
    with subprocess.Popen(
        [*command, "--port", str(port), "--workers", "1"],
        env=os.environ | dict(environment or {}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,
    ) as server:
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(address + health, server)
            yield address
        finally:
            _stop(server)


def _stop(server: "subprocess.Popen[bytes]") -> None:
    """Ask the server and its workers to end; a connection that stays open may keep them."""
    for each in (signal.SIGTERM, signal.SIGKILL):
        if server.poll() is None:
            os.killpg(server.pid, each)
            with suppress(subprocess.TimeoutExpired):
                server.wait(STOP_S)


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _wait_for(page: str, server: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + STARTUP_S
    while True:
        try:
            return urllib.request.urlopen(page, timeout=5).close()
        except OSError as error:
            if server.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{page}: the server ended or does not answer") from error
            time.sleep(POLL_S)
