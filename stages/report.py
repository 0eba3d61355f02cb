"""Report: the run's results as one HTML page that needs no other file.

Reads results/ of the other stages. Leaves results/report/report.html. It shows faces of the data
set: it stays out of git, and MLflow has it without them, rendered ones aside.
"""

from typing import TYPE_CHECKING

from stages.results import Results
from stages.runner import run_stage

if TYPE_CHECKING:
    from fbnet.progress import Log
    from stages.params import Params


def main(params: "Params", results: Results, log: "Log") -> str:
    """Write the page."""
    from pathlib import Path

    from fbnet.files import write_text
    from stages.page.report import report

    p, page = params.report, results.report
    write_text(page, report(results, p.faces, p.worst, Path(p.baselines)))
    return f"{page.stat().st_size / 1024:.0f} KB in {page}; open it in a browser"


if __name__ == "__main__":
    run_stage("report", main)
