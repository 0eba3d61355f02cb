"""Profiles and overrides hold for one run; the user's params.yaml comes back byte for byte."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fbnet.errors import BadInput
from fbnet.files import write_json
from stages import changes
from stages.changes import (
    PARAMS,
    checked_text,
    differences,
    dvc_arguments,
    dvc_words,
    in_force,
    merge,
    overrides,
    profile,
)
from stages.params import Params, leaves, load, lookup, read_yaml, render, rewrite

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """A folder with the default params and the shipped profiles."""
    monkeypatch.chdir(tmp_path)
    PARAMS.write_text(render({}) + "# mine")
    Path("profiles").symlink_to(ROOT / "profiles")


@pytest.mark.parametrize("name", ["tiny", "nni", "best", "gpu"])
def test_a_profile_merges_and_keeps_comments(name):
    before = PARAMS.read_text().count("#")
    merge(profile(name))
    assert load() != Params()
    assert PARAMS.read_text().count("#") == before


def test_an_unsound_merge_leaves_the_file_alone():
    before = PARAMS.read_bytes()
    with pytest.raises(BadInput, match=r"^search\.epochs is 'many'.*\(set by profile or overrides"):
        merge({"search.epochs": "many"})
    assert PARAMS.read_bytes() == before


def test_dvc_arguments_are_quoted_for_the_shell():
    assert dvc_arguments({"search.epochs": 3, "search.loss": "l2"}) == (
        """-S search.epochs=3 -S 'search.loss="l2"'"""
    )


@pytest.mark.parametrize(
    "changed",
    [
        {"fetch.root": "/data/Gesichter_ä"},
        {"fetch.root": 'C:\\faces\\"my" \\\\"x\\'},
        {"fetch.root": "a: b, {c} = 'd' $e #f"},
        {"fetch.limit": None, "search.augment": False, "search.lr": 1e-05},
        {"export.variants": ["mnn", "ncnn"], "export.outputs": ["landmarks"]},
        {"fetch.scheme": {"points": 5, "eyes": [0, 1], "regions": {"mouth": [2, 3]}}},
        {"fetch.scheme.points": 5, "fetch.scheme.eyes": [0, 1]},
        profile(str(ROOT / "profiles/mobile.yaml")),
    ],
    ids=range(8),
)
def test_dvc_reads_what_is_written_for_it(changed):
    from dvc.utils.hydra import apply_overrides

    expected, _ = checked_text(changed)
    apply_overrides(PARAMS, dvc_words(changed))
    PARAMS.write_text(PARAMS.read_text())
    assert dict(leaves(read_yaml(PARAMS))) == dict(leaves(_tree(expected)))


def _tree(text):
    Path("expected.yaml").write_text(text)
    return read_yaml(Path("expected.yaml"))


def test_a_profile_may_describe_a_scheme():
    Path("own.yaml").write_text("fetch: {scheme: {points: 5, eyes: [0, 1]}}\n")
    merge(profile("own.yaml"))
    assert load().fetch.scheme.points == 5


def test_params_that_are_a_link_stay_one():
    PARAMS.rename("shared.yaml")
    PARAMS.symlink_to("shared.yaml")
    before = PARAMS.read_bytes()
    with in_force({"search.epochs": 21}) as params:
        assert params.search.epochs == 21 and PARAMS.is_symlink()
    assert PARAMS.is_symlink() and PARAMS.read_bytes() == before
    merge({"search.epochs": 21})
    rewrite(PARAMS)
    assert PARAMS.is_symlink() and load().search.epochs == 21


@pytest.mark.parametrize(
    ("name", "part"),
    [("huge", "default, best, gpu, mobile, nni, tiny"), ("seed", "'nni' since 0.2.0")],
)
def test_an_unknown_profile_is_refused(name, part):
    with pytest.raises(BadInput, match=part):
        profile(name)


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("search.epochs=3", 3),
        ("search.lr=1e-3", 1e-3),
        ("search.augment=false", False),
        ("fetch.limit=null", None),
        ("fetch.synthetic.points=68", 68),
        ("export.variants=[mnn, ncnn]", ["mnn", "ncnn"]),
        ("search.loss=l2", "l2"),
        ('search.loss="l2"', "l2"),
        ("train.precision=32-true", "32-true"),
        ("fetch.root=/data/my faces (1) #2=x~", "/data/my faces (1) #2=x~"),
        ("fetch.root='a: b'", "a: b"),
        ("mlflow.experiment=2024", "2024"),
        ("nowhere.x=[", "["),
    ],
)
def test_values_are_read_as_the_schema_takes_them(word, value):
    assert list(overrides([word]).values()) == [value]


def test_every_default_is_taken_as_an_override():
    words = [
        f"{key}={value if isinstance(value, str) else json.dumps(value)}"
        for key, value in leaves(Params().model_dump(mode="json"))
        if value != ""
    ]
    tree = read_yaml(PARAMS)
    assert [lookup(tree, key) for key in overrides(words)] == list(overrides(words).values())


def test_a_text_survives_the_file():
    odd = "a # (1) = ~ 'b' \"c\" : d"
    with in_force({"fetch.root": odd}) as params:
        assert params.fetch.root == load().fetch.root == odd


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        ({"search.betta": 1}, "search.betta is no known key; did you mean 'beta'"),
        ({"search.beta.x": 1}, "search.beta.x: beta is one value"),
        ({"serach.beta": 1}, "serach is no known key; did you mean 'search'"),
        ({"space": "seed"}, "space is 'seed', which has the name 'nni' since 0.2.0"),
        ({"search.warmup_epochs": 99}, "search.warmup_epochs 99 leaves no epoch"),
    ],
)
def test_unsound_changes_are_one_line_before_anything_is_written(changed, part):
    before = PARAMS.read_bytes()
    with (
        pytest.raises(BadInput, match=r"set by profile|check the key") as caught,
        in_force(changed),
    ):
        pass
    assert part in str(caught.value)
    assert PARAMS.read_bytes() == before


@pytest.mark.parametrize("error", [None, RuntimeError, KeyboardInterrupt])
def test_the_file_comes_back_byte_for_byte(error):
    before = PARAMS.read_bytes()
    try:
        with in_force(profile("tiny")) as params:
            assert load() == params
            assert params.search.epochs == 3
            if error:
                raise error
    except (RuntimeError, KeyboardInterrupt):
        pass
    assert PARAMS.read_bytes() == before
    assert not changes.KEPT.exists()


KILLED = """
import os, signal
from stages.changes import in_force
with in_force({"search.epochs": 77}):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def kill_a_run():
    done = subprocess.run(
        [sys.executable, "-c", KILLED], env=os.environ | {"PYTHONPATH": str(ROOT)}
    )
    assert done.returncode == -signal.SIGKILL


def test_the_next_run_repairs_what_a_kill_left(capsys):
    before = PARAMS.read_bytes()
    kill_a_run()
    assert load().search.epochs == 77
    with in_force({"search.beta": 0.5}) as params:
        assert (params.search.epochs, params.search.beta) == (Params().search.epochs, 0.5)
    assert PARAMS.read_bytes() == before
    assert "put back as it was before a run that was killed" in capsys.readouterr().out


def test_an_edit_since_is_kept(capsys):
    before = PARAMS.read_bytes()
    kill_a_run()
    edited = PARAMS.read_text().replace("beta: 0.3", "beta: 0.7")
    PARAMS.write_text(edited)
    with in_force({}) as params:
        assert params.search.beta == 0.7
    assert PARAMS.read_text() == edited
    assert changes.EDITED.read_bytes() == before
    assert str(changes.EDITED) in capsys.readouterr().out


def test_one_run_at_a_time():
    with in_force({}), pytest.raises(BadInput, match="another run"), in_force({}):
        pass


def git(*arguments):
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@localhost", *arguments]
    subprocess.run(command, check=True, capture_output=True)


def test_differences_are_against_the_committed_file_or_the_defaults(monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(Path.cwd().parent))
    changed = Params.model_validate({"search": {"beta": 0.5}, "fetch": {"limit": 9}})
    assert differences(Params()) == []
    assert differences(changed) == ["fetch.limit: 9 (null)", "search.beta: 0.5 (0.3)"]
    PARAMS.write_text(PARAMS.read_text().replace("beta: 0.3", "beta: 0.5"))
    git("init", "-q")
    assert differences(changed) == ["fetch.limit: 9 (null)", "search.beta: 0.5 (0.3)"]
    git("add", "params.yaml")
    git("commit", "-qm", "x")
    assert differences(changed) == ["fetch.limit: 9 (null)"]


def test_keys_that_a_space_leaves_out_are_no_differences(monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(Path.cwd().parent))
    PARAMS.write_text((ROOT / PARAMS).read_text())  # its spaces state what is not the default
    git("init", "-q")
    git("add", "params.yaml")
    git("commit", "-qm", "x")
    assert differences(load()) == []


def test_a_space_of_ones_own_may_come_with_a_profile():
    stages = read_yaml(PARAMS)["spaces"]["nni"]["stages"]
    write_json("mine.yaml", {"space": "mine", "spaces": {"mine": {"stages": stages[:1]}}})
    with in_force(profile("mine.yaml")) as params:
        assert len(params.search_space.stages) == 1
