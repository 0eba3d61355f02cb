"""Times the kit's models with this machine's Python: `python run.py --help`."""

import runpy
from pathlib import Path

runpy.run_path(str(Path(__file__).resolve().with_name("runner")), run_name="__main__")
