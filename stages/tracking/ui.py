"""MLflow's page on this machine, and the addresses worth opening."""

import os
import subprocess
import sys
import time
import urllib.request
import webbrowser
from contextlib import suppress

from fbnet.errors import BadInput
from stages.tracking.address import database, hide_credentials, tracking_uri
from stages.tracking.store import experiment_views
from stages.tracking.view import ADDRESS, CHARTS, KEY

MLFLOW_UI = (sys.executable, "-m", "mlflow", "ui", "--workers", "1")
SCREEN = sys.platform == "darwin" or {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys()
STARTUP_S, POLL_S = 60.0, 0.5


def addresses(experiment: str, server: str) -> list[str]:
    """Lines that name the page of the runs and that of their charts, for each face set.

    Raises BadInput where nothing is recorded yet.
    """
    number, keys = experiment_views(experiment)
    if not keys:
        raise BadInput(
            f"mlflow.experiment {experiment}: holds no run of the pipeline; make repro records one"
        )
    lines = []
    for key in keys:
        title = "last run's faces" if key == KEY else f"faces {key.removeprefix(KEY)[1:]}"
        table = f"{server}/{ADDRESS.format(experiment=number, key=key)}"
        lines += [f"runs ({title}): {table}", f"charts ({title}): {table}{CHARTS}"]
    return lines


def serve(experiment: str, port: int) -> None:
    """Print the addresses and serve the page, unless the store is a server already.

    Where there is a screen, the browser opens on the runs. Raises BadInput as `addresses` does.
    """
    uri = tracking_uri()
    remote = uri.startswith(("http://", "https://"))
    server = hide_credentials(uri).rstrip("/") if remote else f"http://127.0.0.1:{port}"
    lines = addresses(experiment, server)
    print("\n".join(lines), flush=True)
    if remote:
        return
    path = database()
    command = [*MLFLOW_UI, "--port", str(port), "--backend-store-uri", uri]
    with subprocess.Popen(
        command,
        env=os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        cwd=path.parent if path else None,  # of the artifacts of MLflow's default experiment
    ) as process:
        try:
            if SCREEN and _answers(f"{server}/health", process):
                webbrowser.open(lines[0].rpartition(" ")[2])
            process.wait()
        except KeyboardInterrupt:
            process.terminate()


def _answers(page: str, process: "subprocess.Popen[bytes]") -> bool:
    """Whether a page answers before its server ends or STARTUP_S are over."""
    end = time.monotonic() + STARTUP_S
    while process.poll() is None and time.monotonic() < end:
        with suppress(OSError):
            urllib.request.urlopen(page, timeout=5).close()
            return True
        time.sleep(POLL_S)
    return False
