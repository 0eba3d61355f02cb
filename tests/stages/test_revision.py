"""Which commit an exported file names as its code."""

import subprocess

import pytest

from fbnet.errors import BadInput
from stages.revision import code_commit, is_repository


@pytest.fixture
def repository(tmp_path, monkeypatch):
    for variable in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    git(tmp_path, "init", "-q")
    return tmp_path


def git(folder, *arguments):
    command = ["git", "-C", str(folder), "-c", "user.name=t", "-c", "user.email=t@t", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def commit(folder, path, text):
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(text)
    git(folder, "add", path)
    git(folder, "commit", "-q", "-m", path)
    return git(folder, "rev-parse", "HEAD")


def test_a_repository_of_another_owner_is_one_line(repository, monkeypatch):
    commit(repository, "fbnet/net.py", "1")
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(repository / "none"))
    message = "dubious ownership in repository at .*; git config --global --add safe.directory "
    monkeypatch.chdir(repository)
    for call in (code_commit, is_repository):
        with pytest.raises(BadInput, match=message) as caught:
            call()
        assert "\n" not in str(caught.value)


def test_commit_is_that_of_the_code(repository):
    first = commit(repository, "fbnet/net.py", "1")
    assert code_commit(repository) == first
    commit(repository, "dvc.lock", "results")  # as after a run
    commit(repository, "fbnet/pretrained/subnet.onnx", "published")
    (repository / "README.md").write_text("not committed")
    assert code_commit(repository) == first
    second = commit(repository, "stages/export.py", "2")
    assert code_commit(repository) == second
    (repository / "fbnet/net.py").write_text("changed")
    assert code_commit(repository) == f"{second}-dirty"


def test_no_commit_to_name(repository, tmp_path_factory, monkeypatch):
    assert code_commit(repository) == "unknown"
    elsewhere = tmp_path_factory.mktemp("plain")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(elsewhere.parent))
    assert code_commit(elsewhere) == "unknown"
    monkeypatch.setenv("PATH", "")
    assert code_commit(repository) == "unknown"
