"""MLflow's page: views of an experiment, addresses worth opening, and a server of the page here.

A view has the columns that matter, NME against cost and parallel coordinates. MLflow's "Share"
button stores one as a tag of the experiment; the same tag written here gives every user the table
and the charts under `ADDRESS`. Runs scored on other faces do not compare: there is a view for each
face set, and `compare` is that of the latest run.
"""

import json
import os
import subprocess
import sys
import time
import urllib.request
import webbrowser
from contextlib import suppress
from typing import Any

from fbnet.errors import BadInput, Failure
from stages.tracking.address import database, hide_credentials, tracking_uri
from stages.tracking.store import experiment_of, read

MLFLOW_UI = (sys.executable, "-m", "mlflow", "ui", "--workers", "1")
SCREEN = sys.platform == "darwin" or {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys()
STARTUP_S, POLL_S = 60.0, 0.5
KEY = "compare"
SHARED = "mlflow.sharedViewState."
ADDRESS = "#/experiments/{experiment}/runs?workflowType=machine_learning&viewStateShareKey={key}"
CHARTS = "&compareRunsMode=CHART"
"""Appended to the address of the table: its charts."""
KIND = {"mlflow.experimentKind": "custom_model_development"}
"""Tag by which MLflow's page opens on training runs instead of traces."""
COSTS = ("latency_ms", "macs", "size_kb")
WHOLE = "metrics.nme > 0 and metrics.latency_ms > 0"
"""Filter for runs of whole pipelines: the run of a single stage has one or the other."""
SWEPT = ("search.beta", "search.seed")
COLUMNS = (
    "attributes.`Created`",
    *(f"metrics.`{name}`" for name in ("nme", "retrain_val_nme", *COSTS)),
    *(f"params.`{name}`" for name in ("search.cost", "search.mode", *SWEPT)),
)


def share(client: Any, experiment: Any, faces: str | None = None) -> None:
    """Write the views to the experiment, unless they are there; those of `faces`, or without."""
    tags = KIND | {f"{SHARED}{KEY}": _view(faces)}
    if faces:
        tags[f"{SHARED}{KEY}-{faces}"] = _view(faces)
    for name, value in tags.items():
        # A view without faces is for an experiment that has no run yet.
        if (name not in experiment.tags) if faces is None else experiment.tags.get(name) != value:
            client.set_experiment_tag(experiment.experiment_id, name, value)


def _view(faces: str | None) -> str:
    """The view as MLflow's page writes it."""
    x_axes = {cost: {"key": cost, "type": "METRIC"} for cost in COSTS}
    y_axis = {"key": "nme", "type": "METRIC"}
    scatters = [
        _chart("SCATTER", f"nme-{c}", "cost", xaxis=x, yaxis=y_axis) for c, x in x_axes.items()
    ]
    lines = _chart(
        "PARALLEL",
        "parallel",
        "params",
        selectedParams=list(SWEPT),
        selectedMetrics=["macs", "latency_ms", "retrain_val_nme", "nme"],
        showAllRuns=False,
    )
    view = {
        "selectedColumns": list(COLUMNS),
        "compareRunCharts": [*scatters, lines],
        "compareRunSections": [
            _section("cost", "NME against cost", len(scatters), 330),
            _section("params", "From params to results", 1, 400),
        ],
        "isAccordionReordered": True,  # MLflow's own sections come after these
        "searchFilter": WHOLE + (f" and tags.`fbnet.faces` = '{faces}'" if faces else ""),
        "runsHiddenMode": "SHOWALL",
        "orderByKey": "metrics.`nme`",
        "orderByAsc": True,
    }
    return json.dumps(view, separators=(",", ":"))


def _section(name: str, title: str, columns: int, height: int) -> dict[str, Any]:
    return {
        "uuid": f"fbnet-{name}",
        "name": title,
        "display": True,
        "isReordered": True,
        "columns": columns,
        "cardHeight": height,
    }


def _chart(kind: str, name: str, section: str, **settings: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "uuid": f"fbnet-{name}",
        "metricSectionId": f"fbnet-{section}",
        "runsCountToCompare": 100,
        "deleted": False,
        "isGenerated": False,
        **settings,
    }


def experiment_views(experiment: str) -> tuple[str, list[str]]:
    """Id of an experiment, and the keys of its shared views. Raises as `finished_runs`."""
    entry = read(lambda client: experiment_of(client, experiment))
    names = sorted(name for name in entry.tags if name.startswith(SHARED + KEY))
    return str(entry.experiment_id), [name.removeprefix(SHARED) for name in names]


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
            if process.wait() > 0:
                raise Failure(f"MLflow's server ended; is port {port} in use? --port takes another")
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
