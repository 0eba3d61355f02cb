"""params.yaml is checked whole; each fault is one line with file, line, key and remedy."""

import io
import subprocess
from pathlib import Path
from typing import Any, Literal

import pytest
from ruamel.yaml import YAML

from fbnet.errors import BadInput
from fbnet.params import (
    NNI_SPACE,
    ExportParams,
    FetchParams,
    LutParams,
    PredictorParams,
    RetrainParams,
    SchemeParams,
    SearchParams,
    SyntheticParams,
    TrainParams,
)
from stages.params import Params, load, read_yaml, render, rewrite
from stages.params.contradictions import contradictions

ROOT = Path(__file__).parents[2]


@pytest.fixture
def params_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of the schema's defaults."""
    monkeypatch.chdir(ROOT)
    path = tmp_path / "params.yaml"
    path.write_text(render({}))
    return path


STAGE = """    - name: only
      ops: [sep_k3, skip]
      layer_num: 2
      channels: 32
      stride: 1
"""


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1, f"{old!r} must occur once"
    path.write_text(text.replace(old, new))


def test_committed_params_are_the_defaults_with_the_docstrings_as_comments(tmp_path: Path) -> None:
    """`fbnet check --write` writes them, laid out as `dvc exp run -S` does."""
    command = ["git", "show", "HEAD:./params.yaml"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if shown.returncode:
        pytest.skip("not in git")
    path, text = tmp_path / "params.yaml", shown.stdout
    path.write_text(text)
    assert load(path) == Params()
    assert render(read_yaml(path)) == text
    stream, yaml = io.StringIO(), YAML()
    yaml.default_flow_style = False  # as DVC does
    yaml.dump(yaml.load(text), stream)
    assert stream.getvalue() == text


def test_rewriting_keeps_values_and_spaces_and_adds_missing_keys(params_file: Path) -> None:
    edit(params_file, "  nas_lr: 0.2", "  # nas_lr: 0.2")
    edit(params_file, "  seed: 0  # Draws the weights", "  seed: 7  # Draws the weights")
    edit(params_file, "spaces:\n", "spaces:\n  mine:  # own\n    stages:\n" + STAGE)
    rewrite(params_file)
    params, text = load(params_file), params_file.read_text()
    assert (params.search.nas_lr, params.lut.seed) == (0.2, 7)
    assert list(params.spaces) == ["mine", "nni"]
    assert "  mine:  # own\n" in text
    assert text.count("# Named search spaces.") == text.count("# From pictures on disk") == 1
    rewrite(params_file)
    assert params_file.read_text() == text


def test_rewriting_refuses_an_unknown_key(params_file: Path) -> None:
    edit(params_file, "nas_lr: 0.2", "nas_rl: 0.2")
    before = params_file.read_bytes()
    with pytest.raises(BadInput, match=r"nas_rl is no known key"):
        rewrite(params_file)
    assert params_file.read_bytes() == before


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("space: nni", "space: seed", ["space is 'seed'", "'nni'"]),
        ("  nni:\n", "  seed:\n", ["spaces.seed", "'nni'"]),
        ("layout: auto", "layout: seed", ["fetch.layout is 'seed'", "'nni'"]),
        ("cost_form: normalised", "cost_form: seed", ["search.cost_form", "'nni'"]),
        ("onnxruntime_int8]", "onnx_int8]", ["export.variants holds", "'onnxruntime_int8'"]),
    ],
)
def test_old_names_are_refused_with_the_new_one(
    params_file: Path, old: str, new: str, parts: list[str]
) -> None:
    edit(params_file, old, new)
    line = params_file.read_text().split(new)[0].count("\n") + 1
    with pytest.raises(BadInput, match=rf"params\.yaml:{line}: ") as caught:
        load(params_file)
    for part in (*parts, "since 0.2.0"):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("nas_lr: 0.2", "nas_rl: 0.05", ["search.nas_rl", "did you mean 'nas_lr'"]),
        ("nas_lr: 0.2", "nas_lr: fast", ["search.nas_lr", "'fast'", "number"]),
        ("nas_lr: 0.2", "nas_lr: -1", ["search.nas_lr", "-1", "greater than 0"]),
        ("nas_lr: 0.2", "nas_lr: 0.0001", ["search.nas_lr", "decide", "raise it to"]),
        ("mode: mul", "mode: times", ["search.mode", "'times'", "'mul'"]),
        ("space: nni", "space: mine", ["space", "'mine'", "nni"]),
        ("warmup_epochs: 7", "warmup_epochs: 700", ["search.warmup_epochs", "search.epochs"]),
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
    faults = contradictions(Params(search=SearchParams(**search)))
    assert [name for name, _ in faults] == [f"search.{key}" for key in keys]


@pytest.mark.parametrize(
    ("accelerator", "devices", "keys"), [("cuda", 1, []), ("cuda", 2, ["train.devices"]),
                                         ("cpu", 2, [])],
)  # fmt: skip
def test_short_trainings_do_not_share_a_gpu(
    accelerator: Literal["cpu", "cuda"], devices: int, keys: list[str]
) -> None:
    train = TrainParams(accelerator=accelerator, devices=devices)
    params = Params(search=SearchParams(method="predictor"), train=train)
    assert [name for name, _ in contradictions(params)] == keys


def test_short_trainings_need_no_schedule_of_a_supernet() -> None:
    unused = {"epochs": 5, "nas_lr": 0.01, "min_steps": 0, "temperature_floor": 9.0}
    assert not [*contradictions(Params(search=SearchParams(method="predictor", **unused)))]
    keys = [key for key, _ in contradictions(Params(search=SearchParams(**unused)))]
    assert keys == ["search.warmup_epochs", "search.temperature_floor"]


def test_a_space_has_a_name_that_dvc_takes() -> None:
    for name, faults in (("wide (se)", []), ("v1.2", ["spaces.v1.2"])):
        params = Params(space=name, spaces={name: NNI_SPACE})
        assert [key for key, _ in contradictions(params)] == faults


def test_a_pose_that_no_face_can_have_is_refused() -> None:
    outputs = ExportParams(outputs=("landmarks", "pose"))
    scheme = FetchParams(scheme=SchemeParams(points=5, eyes=(0, 1)))
    faults = contradictions(Params(fetch=scheme, export=outputs))
    assert [key for key, _ in faults] == ["export.outputs"]
    taught = RetrainParams(heads_faces="rendered/faces")
    assert not [*contradictions(Params(fetch=scheme, export=outputs, retrain=taught))]


def test_labels_that_photographs_lack_are_asked_for_at_the_start(tmp_path: Path) -> None:
    photographs = FetchParams(root=str(tmp_path))
    outputs = ExportParams(outputs=("landmarks", "openness"))
    (fault,) = contradictions(Params(fetch=photographs, export=outputs))
    assert fault[0] == "retrain.heads_faces" and "openness is learned from rendered" in fault[1]
    taught = RetrainParams(heads_faces="rendered/faces")
    assert not [*contradictions(Params(fetch=photographs, export=outputs, retrain=taught))]


def test_places_on_the_rendered_head_give_photographs_no_pose(tmp_path: Path) -> None:
    head = ("left_pupil", "right_pupil", "nose_tip", "left_mouth", "right_mouth")
    scheme = SchemeParams(points=5, eyes=(0, 1), head=head)
    photographs = FetchParams(root=str(tmp_path), scheme=scheme)
    loss = RetrainParams(loss="pose_wing")
    assert [key for key, _ in contradictions(Params(fetch=photographs, retrain=loss))] == [
        "retrain.loss"
    ]
    rendered = FetchParams(root=str(ROOT / "data"), scheme=scheme)
    assert not [*contradictions(Params(fetch=rendered, retrain=loss))]


def test_a_shard_has_two_faces() -> None:
    search = SearchParams(batch=6, arch_batch=8, nas_lr=5.0)
    assert not [*contradictions(Params(search=search, train=TrainParams(shards=2)))]
    (fault,) = contradictions(Params(search=search, train=TrainParams(shards=4)))
    assert fault[0] == "train.shards" and "search.batch is 6: each takes two faces" in fault[1]


def test_a_file_for_one_face_is_not_timed_with_more() -> None:
    params = Params(export=ExportParams(dynamic_batch=False), lut=LutParams(batch=4))
    assert [name for name, _ in contradictions(params)] == ["export.dynamic_batch"]


@pytest.mark.parametrize(
    ("search", "most"),
    [
        (SearchParams(candidates=6), 7),
        # 5 nets, 3 after the first rung, 2 after the second, and 2 times 3 that are proposed.
        (
            SearchParams(
                method="predictor",
                predictor=PredictorParams(nets=5, rungs=(1, 2, 3), keep=0.5, rounds=2, top=3),
            ),
            8,
        ),
    ],
    ids=["fbnet", "predictor"],
)
def test_no_more_are_retrained_than_the_search_scores(search: SearchParams, most: int) -> None:
    for count, faults in ((most, []), (most + 1, ["retrain.candidates"])):
        retrain = RetrainParams(candidates=count, inherit=False)
        params = Params(search=search, retrain=retrain)
        assert [name for name, _ in contradictions(params)] == faults


def test_faces_of_a_search_are_counted_as_they_are_split() -> None:
    """Of 98 faces 10 validate; 18 of the other 88 are two batches an epoch, 17 were one."""
    search = {"arch_batch": 14, "nas_lr": 0.01, "epochs": 6, "warmup_epochs": 2, "min_steps": 0}
    params = Params(
        fetch=FetchParams(synthetic=SyntheticParams(train=98)),
        search=SearchParams(proxy_share=1.0, **search),
    )
    ((key, message),) = contradictions(params)
    assert key == "search.nas_lr" and "0.01 over 8 architecture steps" in message


def test_batches_of_a_supernet_do_not_limit_short_trainings() -> None:
    for method, faults in (("fbnet", ["train.devices"] * 2), ("predictor", [])):
        params = Params(search=SearchParams(method=method), train=TrainParams(devices=32))
        assert [name for name, _ in contradictions(params)] == faults


def test_one_net_s_weights_do_not_start_others() -> None:
    for method, faults in (("fbnet", []), ("predictor", ["retrain.inherit"])):
        params = Params(search=SearchParams(method=method), retrain=RetrainParams(candidates=2))
        assert [name for name, _ in contradictions(params)] == faults


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"nowhere\.yaml: no such file"):
        load(tmp_path / "nowhere.yaml")


def test_nni_s_profile_leaves_nothing_of_its_way_to_the_defaults() -> None:
    profile = YAML(typ="safe").load(ROOT / "profiles/nni.yaml")
    open_in_nni = {
        "search": {
            "seed", "predictor", "target_ms", "target_macs", "target_weight", "arch_share",
            "calibration_faces", "temperature_floor",
        },
        "retrain": {
            "seed", "validate_every", "heads_epochs", "heads_lr", "heads_faces",
        },
    }  # fmt: skip
    for section, model in (("search", SearchParams), ("retrain", RetrainParams)):
        assert model.model_fields.keys() - open_in_nni[section] == profile[section].keys()
    assert SearchParams(**profile["search"]).beta == 0.6
