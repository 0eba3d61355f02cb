"""params.yaml is checked whole; each fault is one line with file, line, key and remedy."""

import io
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from fbnet.errors import BadInput
from fbnet.params import RetrainParams, SearchParams, cannot_decide
from stages.params import Params, contradictions, load
from stages.profiles import merge, overrides, profile

SHIPPED = Path(__file__).parents[2] / "params.yaml"


@pytest.fixture
def params_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(SHIPPED.parent)
    copy = tmp_path / "params.yaml"
    copy.write_text(SHIPPED.read_text())
    return copy


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1, f"{old!r} must occur once"
    path.write_text(text.replace(old, new))


def test_shipped_params_are_the_defaults_of_the_models() -> None:
    assert load(SHIPPED) == Params()


def test_shipped_params_are_laid_out_as_dvc_writes_them() -> None:
    """Otherwise each `dvc exp run -S` would rewrite lines that nobody changed."""
    text, stream, yaml = SHIPPED.read_text(), io.StringIO(), YAML()
    yaml.default_flow_style = False  # as DVC does
    yaml.dump(yaml.load(text), stream)
    assert stream.getvalue() == text


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("nas_lr: 0.2", "nas_rl: 0.05", ["search.nas_rl", "did you mean 'nas_lr'"]),
        ("nas_lr: 0.2", "nas_lr: fast", ["search.nas_lr", "'fast'", "number"]),
        ("nas_lr: 0.2", "nas_lr: -1", ["search.nas_lr", "-1", "greater than 0"]),
        ("nas_lr: 0.2", "nas_lr: 0.0001", ["search.nas_lr", "decide", "raise it to"]),
        ("mode: mul", "mode: times", ["search.mode", "'times'", "'mul'"]),
        ("space: nni", "space: mine", ["space", "'mine'", "nni"]),
        ("warmup_epochs: 5", "warmup_epochs: 500", ["search.warmup_epochs", "search.epochs"]),
        ("  nas_lr: 0.2", "  # nas_lr", ["search.nas_lr", "missing"]),
        ("mode: mul", "mode: [mul", ["not valid YAML"]),
        ("mode: mul", "mode: target", ["search.target_ms", "is the budget of search.mode"]),
        ("target_ms:", "target_ms: 0.3", ["search.target_ms", "no effect with mode: mul"]),
        ("target_macs:", "target_macs: 9000000", ["search.target_macs", "make it null"]),
    ],
)
def test_fault_is_one_line_with_key_and_remedy(
    params_file: Path, old: str, new: str, parts: list[str]
) -> None:
    edit(params_file, old, new)
    with pytest.raises(BadInput) as caught:
        load(params_file)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{params_file}:")
    for part in parts:
        assert part in message


def test_fault_names_the_line(params_file: Path) -> None:
    edit(params_file, "nas_lr: 0.2", "nas_lr: fast")
    line = params_file.read_text().split("nas_lr: fast")[0].count("\n") + 1
    with pytest.raises(BadInput, match=rf"params\.yaml:{line}: search\.nas_lr"):
        load(params_file)


@pytest.mark.parametrize(
    ("search", "keys"),
    [
        ({"mode": "target", "target_ms": 0.3}, []),
        ({"mode": "target", "cost": "macs", "target_macs": 1}, []),
        ({"mode": "target", "cost": "macs", "target_ms": 0.3}, ["target_ms", "target_macs"]),
        ({"mode": "target", "target_ms": 0.3, "target_macs": 1}, ["target_macs"]),
        ({"mode": "target", "target_ms": 0.3, "cost_form": "nni"}, ["cost_form"]),
    ],
)
def test_a_budget_is_in_the_unit_of_the_cost(search: dict[str, Any], keys: list[str]) -> None:
    found = contradictions(Params(search=SearchParams(**search)))
    assert [name for name, _ in found] == [f"search.{key}" for key in keys]


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"nowhere\.yaml: no such file"):
        load(tmp_path / "nowhere.yaml")


@pytest.mark.parametrize("name", ["tiny", "nni"])
def test_profile_merges_and_keeps_comments(params_file: Path, name: str) -> None:
    before = params_file.read_text().count("#")
    merge(profile(name), params_file)
    assert load(params_file) != Params()
    assert params_file.read_text().count("#") == before


def test_merge_leaves_the_file_alone_when_the_result_is_unsound(params_file: Path) -> None:
    before = params_file.read_bytes()
    with pytest.raises(BadInput, match=r"search\.epochs"):
        merge({"search": {"epochs": "many"}}, params_file)
    assert params_file.read_bytes() == before
    assert list(params_file.parent.iterdir()) == [params_file]


def test_overrides_quote_for_the_shell() -> None:
    assert list(overrides({"search": {"epochs": 3, "loss": "l2"}})) == [
        "-S search.epochs=3",
        """-S 'search.loss="l2"'""",
    ]


def test_unknown_profile_lists_those_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(SHIPPED.parent)
    with pytest.raises(BadInput, match="default, nni, tiny"):
        profile("huge")


def test_the_seed_rate_over_a_short_search_cannot_decide() -> None:
    short = SearchParams(nas_lr=0.01, epochs=16, warmup_epochs=5)
    reason = cannot_decide(short, 432)
    assert reason is not None and "raise it to" in reason
    assert cannot_decide(SearchParams(nas_lr=0.05, epochs=16, warmup_epochs=5), 432) is None


def test_few_faces_are_trained_for_more_epochs() -> None:
    search = SearchParams(epochs=10, warmup_epochs=2, batch=32, min_steps=1000)
    assert search.lengthened(32 * 100) == search
    longer = search.lengthened(32 * 20)
    assert (longer.epochs, longer.warmup_epochs) == (50, 10)
    retrain = RetrainParams(epochs=10, warmup_epochs=1.0, batch=32, min_steps=1000)
    assert retrain.lengthened(32 * 100) == retrain
    assert (retrain.lengthened(32 * 20).epochs, retrain.lengthened(32 * 20).warmup_epochs) == (
        50,
        5.0,
    )
