"""Report: what the run found, as one page that needs nothing else.

Reads results/ of the other stages. Leaves results/report/report.html. It shows faces of the data
set: it stays out of git and MLflow.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from stages.runner import run_stage

if TYPE_CHECKING:
    from fbnet.progress import Log
    from stages.params import Params


def main(params: "Params", out: Path, log: "Log") -> str:
    """Make the page."""
    from fbnet.files import write_text
    from stages.page.report import report

    p = params.report
    page = out / "report.html"
    write_text(page, report(out.parent, p.faces, p.worst, Path(p.baselines)))
    return f"report: {page.stat().st_size / 1024:.0f} KB in {page}; open it in a browser"


if __name__ == "__main__":
    sys.exit(run_stage("report", main))
