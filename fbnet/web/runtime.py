"""onnxruntime-web, the engine of the pages: fetched once by npm, then kept in the user's cache."""

import base64
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

from fbnet.errors import BadInput, Failure, exit_code
from fbnet.files import read_bytes, write_bytes

PACKAGE, VERSION = "onnxruntime-web", "1.30.0"
INTEGRITY = (
    "sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZ"
    "ClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
)
"""Of the package's archive, as npm's registry states it."""
FILES = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
"""The part of it that runs on the processor: 14 MB, of which 3.7 MB are sent compressed."""
LARGEST = 128 * 2**20
"""Bytes that the archive may have."""


def runtime_folder() -> Path:
    """Where the files of this version are kept."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "fbnet" / f"{PACKAGE}-{VERSION}"


def runtime(archive: Path | None = None) -> Path:
    """The folder that holds `FILES`: from the cache, from `archive`, or fetched by npm.

    archive: the package as `npm pack` writes it. Raises BadInput for another archive, and where
    there is neither archive nor npm; Failure where npm cannot fetch it.
    """
    folder = runtime_folder()
    if archive is not None:
        _unpack(read_bytes(archive, LARGEST), str(archive), folder)
    elif not is_here():
        _unpack(_fetched(), "npm", folder)
    return folder


def is_here() -> bool:
    """Whether the files are in the cache."""
    return all((runtime_folder() / name).is_file() for name in FILES)


def _fetched() -> bytes:
    npm = shutil.which("npm")
    if npm is None:
        raise BadInput(
            f"the pages run on {PACKAGE} {VERSION}, and there is no npm here to fetch it: install "
            f"Node.js, or run `npm pack {PACKAGE}@{VERSION}` elsewhere and give the file as "
            "--runtime FILE"
        )
    with TemporaryDirectory() as folder:
        command = [npm, "pack", "--silent", f"{PACKAGE}@{VERSION}"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        archives = list(Path(folder).glob("*.tgz"))
        if done.returncode or len(archives) != 1:
            lines = done.stderr.strip().splitlines() or ["it printed nothing"]
            raise Failure(f"npm cannot fetch {PACKAGE} {VERSION}: {lines[0]}")
        return archives[0].read_bytes()


def _unpack(data: bytes, where: str, folder: Path) -> None:
    digest = base64.b64encode(hashlib.sha512(data).digest()).decode()
    if f"sha512-{digest}" != INTEGRITY:
        raise BadInput(f"{where}: not the archive of {PACKAGE} {VERSION}; fetch it again")
    with tarfile.open(fileobj=io.BytesIO(data)) as package:
        for name in FILES:
            member = package.extractfile(f"package/dist/{name}")
            assert member is not None  # the archive is the one that was looked at
            write_bytes(folder / name, member.read())


if __name__ == "__main__":  # `make env`
    sys.exit(exit_code("fbnet.web.runtime", lambda: print(runtime())))
