"""The sweep command: which experiments it asks DVC for."""

import itertools
import shutil
import subprocess
from pathlib import Path

import pytest

from stages import sweep
from stages.params import render

ROOT = Path(__file__).parents[3]


@pytest.fixture
def commands(monkeypatch, tmp_path):
    """What would have been run; each succeeds unless it is put into `failing`."""
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "-q"], check=True)
    Path("params.yaml").write_text(render({}))
    Path("profiles").symlink_to(ROOT / "profiles")
    monkeypatch.setattr(sweep, "_names", lambda: {"search.beta-0.3"})
    seen = []

    def record(command, environment):
        seen.append(command[2:])
        return 1 if "search.beta=9" in command else 0

    monkeypatch.setattr(sweep, "wait_for", record)
    return seen


def changes_of(command):
    return [word for before, word in itertools.pairwise(command) if before == "-S"]


def test_each_value_is_an_experiment_of_its_own_name(commands, capsys):
    assert sweep.main(["--over", "search.beta", "--values", "0.1", "0.3"]) == 0
    start = ["dvc", "exp", "run", "--temp", "--name"]
    assert commands == [
        [*start, "search.beta-0.1", "-S", "search.beta=0.1"],
        [*start, "search.beta-0.3-2", "-S", "search.beta=0.3"],  # the name was taken
    ]
    assert "1 of 2: dvc exp run" in capsys.readouterr().out


def test_profile_and_fixed_changes_come_first_and_params_go_together(commands):
    arguments = ["--over", "search.seed,retrain.seed", "--values", "7", "--profile", "tiny"]
    assert sweep.main([*arguments, "--set", "search.cost=macs 'fetch.root=a b'"]) == 0
    (command,) = commands
    changes = changes_of(command)
    assert "search.epochs=3" in changes
    assert changes[-4:] == [
        *('search.cost="macs"', 'fetch.root="a b"', "search.seed=7", "retrain.seed=7")
    ]


def test_names_are_git_references(commands):
    assert sweep.main(["--over", "fetch.root", "--values", "a/b c~1"]) == 0
    assert commands[0][5] == "fetch.root-a-b-c-1"
    assert changes_of(commands[0]) == ['fetch.root="a/b c~1"']


@pytest.mark.parametrize("value", ["../faces", "1.", "a..b", "x.lock", "ä b", "a.lock.lock"])
def test_every_value_makes_a_name_that_git_takes(commands, value):
    assert sweep.main(["--over", "fetch.root", "--values", value]) == 0
    name = commands[0][5]
    subprocess.run(["git", "check-ref-format", f"refs/exps/ab/{name}"], check=True)


def test_what_git_does_not_hold_goes_into_the_copy(commands, tmp_path, capsys):
    for name in ("data/a.jpg", "kept/a.jpg", "lists/own.csv", "device/own.csv", "table.csv"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).touch()
    Path("lists/README.md").touch()
    subprocess.run(["git", "add", "kept/a.jpg", "lists/README.md"], check=True)
    Path("pulled").mkdir()
    Path("pulled.dvc").touch()
    table = "lut.source=file lut.file=table.csv"
    for root, copied in (("data", ["data"]), ("kept", []), ("pulled", []), (str(tmp_path), [])):
        assert sweep.main(["--over", "fetch.root", "--values", root, "--set", table]) == 0
        command = commands[-1]
        paths = [word for before, word in itertools.pairwise(command) if before == "--copy-paths"]
        assert paths == [*copied, "table.csv"]
    Path("kept/.DS_Store").touch()
    arguments = ["--over", "lut.file", "--set", "lut.source=file fetch.root=kept", "--values"]
    for table, copied in (("lists/own.csv", "lists/own.csv"), ("device/own.csv", "device")):
        assert sweep.main([*arguments, table]) == 0
        assert commands[-1][6:8] == ["--copy-paths", copied]
    capsys.readouterr()
    assert sweep.main(["--over", "fetch.root", "--values", ".."]) == 2
    assert "fetch.root ..: lies outside of the repository" in capsys.readouterr().err


def test_a_folder_that_git_holds_in_part_is_refused(commands, capsys):
    Path("mixed").mkdir()
    for name in ("mixed/a.jpg", "mixed/b.jpg", "mixed/c.jpg"):
        Path(name).touch()
    Path(".gitignore").write_text("mixed/c.jpg\n")
    subprocess.run(["git", "add", "mixed/a.jpg"], check=True)
    assert sweep.main(["--over", "fetch.root", "--values", "mixed"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "mixed: git holds a part of it alone (2 of its files are untracked, such as " in line
    assert "mixed/b.jpg), and experiments run in a copy of that; git add them" in line
    assert commands == []


def test_without_git_there_are_no_experiments(commands, capsys):
    shutil.rmtree(".git")
    assert sweep.main(["--over", "search.beta", "--values", "0.1"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "no git repository" in line and "`git init`" in line
    assert commands == []


def test_an_open_quote_is_one_line(commands, capsys):
    arguments = ["--over", "search.beta", "--values", "0.2", "--set", "search.epochs='3"]
    assert sweep.main(arguments) == 2
    assert "search.epochs='3: no closing quotation; close the quote" in capsys.readouterr().err
    assert not commands


def test_a_failed_experiment_ends_the_sweep(commands, capsys):
    assert sweep.main(["--over", "search.beta", "--values", "1", "9", "2"]) == 1
    assert len(commands) == 2
    assert "stopped at 2 of 3" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (
            ["--over", "search.betta", "--values", "1"],
            "search.betta is no known key; did you mean 'beta'",
        ),
        (["--over", "search.beta.x", "--values", "1"], "search.beta.x: beta is one value"),
        (["--over", "search.beta", "--values", "1", "--profile", "huge"], "no such profile"),
    ],
)
def test_bad_params_are_one_line_before_any_work(commands, capsys, arguments, part):
    assert sweep.main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert part in line
    assert commands == []


def test_names_of_experiments_are_read_from_git(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@localhost"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    assert sweep._names() == set()
    reference = "refs/exps/ab/cdef/search.beta-0.1"
    subprocess.run([*git, "update-ref", reference, "HEAD"], check=True)
    assert sweep._names() == {"search.beta-0.1"}
