"""Print the Pythons of this machine that the project supports, `VERSION PATH` a line."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

VERSIONS = ("3.11", "3.12", "3.13")


def pythons() -> Iterator[tuple[str, str]]:
    """(version, interpreter) of each supported version that runs: on PATH, or pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for version in VERSIONS:
        places = [shutil.which(f"python{version}")]
        places += sorted(map(str, pyenv.glob(f"versions/{version}*/bin/python")))
        for place in places:
            # A shim of pyenv may be there without its Python.
            if place and not subprocess.run([place, "-c", ""], capture_output=True).returncode:
                yield version, place
                break


if __name__ == "__main__":
    for version, path in pythons():
        print(version, path)
