"""Pictures of MLflow's page and of the comparison of runs for the docs, from a real browser.

`python tools/screenshots.py` in a checkout that holds runs (mlflow.db); needs a Chromium. Writes
docs/runs-*.png.
"""

import argparse
import sys
import time
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from fbnet.files import write_bytes, write_text
from stages.page.runs import runs_page
from stages.params import load
from stages.results import Results
from stages.tracking import finished_runs
from stages.tracking.ui import ADDRESS, CHARTS, KEY
from tools.browser import Browser, chromium
from tools.serving import serving

PAGE = (1400, 1110)
DRAWN = "document.querySelectorAll('.js-plotly-plot .main-svg').length >= 3"
CLOSE_ASSISTANT = """
document.querySelector('[data-component-id="mlflow.assistant.chat_panel.close"]')?.click()
"""
HIDE_TOOLBARS = """
const style = document.createElement("style");
style.textContent = ".modebar { display: none }";
document.head.append(style);
"""
SETTLE_S = 4.0
UI = ("mlflow", "ui", "--backend-store-uri", "sqlite:///mlflow.db")
NO_JOBS = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


def main() -> None:
    """Write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs"))
    out = parser.parse_args().out
    program = chromium()
    if program is None:
        sys.exit("screenshots: no Chromium on this machine")
    experiment = load("params.yaml").mlflow.experiment
    comparison = Results().comparison.resolve()
    write_text(comparison, runs_page(finished_runs(experiment)))
    with Browser(program) as browser, serving(UI, "/health", NO_JOBS) as address:
        browser.open(comparison.as_uri(), 1000, 760)
        save(browser.picture(), out / "runs-pareto.png")
        number = experiment_number(experiment)
        table = f"{address}/{ADDRESS.format(experiment=number, key=KEY)}"
        browser.open(table + CHARTS, *PAGE)
        browser.wait(DRAWN)
        browser.run(CLOSE_ASSISTANT)
        browser.run(HIDE_TOOLBARS)
        time.sleep(SETTLE_S)  # the charts move into place
        save(browser.picture(), out / "runs-mlflow.png")


def experiment_number(name: str) -> str:
    """The experiment's id in the store of this checkout."""
    import mlflow

    from stages.tracking.address import tracking_uri

    return str(mlflow.MlflowClient(tracking_uri()).get_experiment_by_name(name).experiment_id)


def save(picture: bytes, path: Path) -> None:
    """Write a PNG at the highest compression."""
    image = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
    _, data = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    write_bytes(path, data.tobytes())
    print(f"{path}: {path.stat().st_size / 1024:.0f} KB")


if __name__ == "__main__":
    main()
