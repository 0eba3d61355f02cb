"""Times the kit's models with this machine's Python: `python run.py --help`."""

import runpy
import sys
from importlib.util import find_spec
from pathlib import Path

if find_spec("numpy") is None:
    print("run.py: numpy is not installed here; pip install numpy", file=sys.stderr)
    sys.exit(2)
runpy.run_path(str(Path(__file__).resolve().with_name("runner")), run_name="__main__")
