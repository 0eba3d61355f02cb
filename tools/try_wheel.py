"""Build the wheel and the sdist, and try the wheel where nothing else is installed.

`python tools/try_wheel.py [--fresh]`: for each of Python 3.11, 3.12 and 3.13 that is there, a bare
environment (`.venv-light-VERSION`, kept for the next time) gets the wheel with its light
dependencies at the versions of requirements.lock. There, in an empty folder, `fbnet predict` draws
on a rendered face, and the tests of tests/light run. Prints the size of each installation.
"""

import argparse
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

from pythons import pythons

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements.lock"
IN_WHEEL = (
    "fbnet/pretrained/subnet.onnx",
    "fbnet/py.typed",
    "fbnet/costs/kit/files/README.md",
    "fbnet/web/files/index.html",
    "stages/page/templates/report.html.j2",
)
"""Files that are no modules and that an installed wheel cannot do without."""


def main() -> None:
    """Build, look inside, try; exits with the first command that fails."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fresh", action="store_true", help="make the environments anew")
    fresh = parser.parse_args().fresh
    with TemporaryDirectory() as folder:
        wheel = build(Path(folder))
        for version, python in pythons():
            attempt(install(python, version, wheel, fresh), version)


def build(folder: Path) -> Path:
    """The wheel, built from the sdist. Exits where a file is missing in either."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    names = set(zipfile.ZipFile(wheel).namelist())
    with tarfile.open(sdist) as archive:
        sources = {name.partition("/")[2] for name in archive.getnames()}
    missing = [name for name in IN_WHEEL if name not in names or name not in sources]
    if missing:
        sys.exit(f"light: {wheel.name} or {sdist.name} lacks {', '.join(missing)}")
    print(f"light: {wheel.name} {wheel.stat().st_size / 1024:.0f} KB, {len(names)} files")
    return wheel


def install(python: str, version: str, wheel: Path, fresh: bool) -> Path:
    """A virtual environment with the wheel and what it needs; returns its bin folder."""
    environment = ROOT / f".venv-light-{version}"
    stamp, pins = environment / "requirements.lock", LOCK.read_text()
    if fresh or not stamp.exists() or stamp.read_text() != pins:
        subprocess.run([python, "-m", "venv", "--clear", str(environment)], check=True)
        pip(environment, "install", "--constraint", str(LOCK), str(wheel), "pytest")
        stamp.write_text(pins)
    pip(environment, "install", "--force-reinstall", "--no-deps", str(wheel))
    pip(environment, "check")
    return environment / "bin"


def pip(environment: Path, *arguments: str) -> None:
    """Run the environment's pip quietly."""
    options = ("--disable-pip-version-check", "--no-input", "--quiet")
    subprocess.run([environment / "bin/python", "-m", "pip", *arguments, *options], check=True)


def attempt(bin_folder: Path, version: str) -> None:
    """Run the tests of the light install, away from the checkout's own code."""
    with TemporaryDirectory() as folder:
        options = ("-q", "-p", "no:cacheprovider", "--noconftest", "--rootdir", folder)
        tests = shutil.copytree(ROOT / "tests/light", Path(folder) / "light")
        command = [bin_folder / "python", "-m", "pytest", *options, "-c", "/dev/null", tests]
        subprocess.run(command, check=True, cwd=folder)
    packages = next(bin_folder.parent.glob("lib/python*/site-packages"))
    size = sum(path.stat().st_size for path in packages.rglob("*") if path.is_file())
    print(f"light: python{version}: {size / 2**20:.0f} MB installed, predict and score work")


if __name__ == "__main__":
    main()
