"""Where the pages' engine comes from: the cache, an archive, npm."""

import base64
import hashlib
import io
import os
import tarfile
from pathlib import Path

import pytest

from fbnet.errors import BadInput, Failure
from fbnet.web import runtime


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An archive with files of these names, which counts as the pinned one; an empty cache."""
    path = tmp_path / "package.tgz"
    with tarfile.open(path, "w:gz") as package:
        for name in (*runtime.FILES, "ort.all.min.js"):
            member = tarfile.TarInfo(f"package/dist/{name}")
            member.size = len(name)
            package.addfile(member, io.BytesIO(name.encode()))
    digest = base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()
    monkeypatch.setattr(runtime, "INTEGRITY", f"sha512-{digest}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return path


def npm(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """A program of that name, alone on the path but for the shell's own."""
    program = folder / "bin/npm"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}/bin{os.pathsep}/usr/bin")


def test_an_archive_is_unpacked_into_the_cache_once(archive: Path) -> None:
    folder = runtime.runtime(archive)
    assert sorted(p.name for p in folder.iterdir()) == sorted(runtime.FILES)
    assert all((folder / name).read_text() == name for name in runtime.FILES)
    assert runtime.runtime() == folder  # without archive and npm


def test_npm_fetches_the_pinned_version(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = f"pack --silent {runtime.PACKAGE}@{runtime.VERSION}"
    npm(tmp_path, monkeypatch, f'[ "$*" = "{wanted}" ] && cp {archive} fetched.tgz')
    assert (runtime.runtime() / runtime.FILES[0]).is_file()


def test_another_archive_is_refused(archive: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.tgz"
    other.write_bytes(archive.read_bytes() + b"\0")
    with pytest.raises(BadInput, match=r"other\.tgz: not the archive of onnxruntime-web 1\."):
        runtime.runtime(other)
    assert not runtime.is_here()


@pytest.mark.usefixtures("archive")
def test_without_npm_and_network_one_line_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BadInput, match=r"no npm here .* `npm pack \S+@\S+` .* --runtime FILE"):
        runtime.runtime()
    npm(tmp_path, monkeypatch, "echo 'npm error code ENOTFOUND' >&2; exit 1")
    with pytest.raises(Failure, match=r"npm cannot fetch onnxruntime-web \S+: npm error code ENOT"):
        runtime.runtime()
