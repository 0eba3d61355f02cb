"""Whatever people bring works, or is refused in one line: params, labels, tables, ONNX metadata."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fbnet.costs.lut import from_json
from fbnet.costs.macs import macs_table
from fbnet.errors import BadInput
from fbnet.faces.prepare import prepare
from fbnet.landmarks import SCHEMES
from fbnet.params import NNI_SPACE, FetchParams
from fbnet.predict.interface import OURS, describe, stated
from stages.params import Params, load, render

LONGEST_S = 10.0
tried = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
WEIRD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-3, 3),
    st.just(10**400),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["", "\0", "../..", "1e999", "nan", "٣", "a\nb", "-", "0x10", "~", "\ud800"]),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)
"""Values that a key may be given."""


def refused_in_one_line(work: Callable[[], object]) -> None:
    """Let it work, or end in a BadInput of one line, within LONGEST_S."""
    start = time.monotonic()
    try:
        work()
    except BadInput as error:
        assert str(error) and "\n" not in str(error)
        assert len(str(error)) < 4000
    assert time.monotonic() - start < LONGEST_S


def keys(tree: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The place of every value in a tree."""
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree)
    places = []
    for key, value in inner:
        places.append((*at, key))
        if isinstance(value, dict | list):
            places += keys(value, (*at, key))
    return places


def changed(tree: Any, place: tuple[Any, ...], value: Any) -> Any:
    """A copy of `tree` with another value at a place."""
    copy = json.loads(json.dumps(tree))
    inner = copy
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return copy


PARAMS = json.loads(Params().model_dump_json())
TEXT = render({})
TABLE = macs_table(NNI_SPACE, 106)
METADATA = describe(
    size=112, scheme=SCHEMES[106], crop_scale=1.2, choice=["sep_k3"], commit="abc", nme=0.05
)


@tried
@given(st.sampled_from(keys(PARAMS)), WEIRD)
@example(("fetch", "synthetic", "train"), 10**400)
@example(("search", "predictor", "rungs"), [10**400])
def test_params_of_other_values(tmp_path: Path, place: tuple[Any, ...], value: Any) -> None:
    file = tmp_path / "params.yaml"
    file.write_text(json.dumps(changed(PARAMS, place, value)))  # JSON is YAML
    refused_in_one_line(lambda: load(file))


@tried
@given(st.integers(0, len(TEXT)), st.integers(0, 80), st.binary(max_size=12))
@example(0, 0, b"a: &a [*a, *a]\nb: [*a, *a]\n")
@example(0, 0, b"a: " + b"[" * 5000)
@example(0, 0, b"- " * 5000)
@example(0, 0, b"? " * 5000)
@example(0, 0, "".join(f"{' ' * i}a:\n" for i in range(400)).encode())
@example(0, 0, b"a: " + b"9" * 5000 + b"\n")
@example(0, 0, b"a: 2001-99-99\n")
@example(0, 0, b"? [1, 2]\n: 3\n")
@example(0, 0, b"x" * 20_000_000)
def test_params_of_other_bytes(tmp_path: Path, place: int, gone: int, data: bytes) -> None:
    file, text = tmp_path / "params.yaml", TEXT.encode()
    file.write_bytes(text[:place] + data + text[place + gone :])
    refused_in_one_line(lambda: load(file))


@tried
@given(st.sampled_from(keys(TABLE)), WEIRD)
def test_tables_of_other_values(tmp_path: Path, place: tuple[Any, ...], value: Any) -> None:
    file = tmp_path / "macs.json"
    file.write_text(json.dumps(changed(TABLE, place, value)))
    refused_in_one_line(lambda: from_json(file, NNI_SPACE))


@tried
@given(st.sampled_from([*METADATA]), st.one_of(st.text(max_size=30), WEIRD.map(json.dumps)))
def test_onnx_metadata_of_other_values(key: str, value: str) -> None:
    def read() -> None:
        metadata = METADATA | {key: value}
        stated(metadata)
        OURS.filled(metadata)

    refused_in_one_line(read)


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two photographs of 68 points."""
    from tests.drawn import Drawn

    root = tmp_path_factory.mktemp("labels") / "set"
    Drawn.nni(root, points=68)
    return root


@settings(tried, max_examples=25)
@given(st.integers(0, 4000), st.integers(0, 40), st.binary(max_size=12))
def test_labels_of_other_bytes(
    labelled: Path, tmp_path: Path, place: int, gone: int, data: bytes
) -> None:
    file = labelled / "train_data" / "list.txt"
    whole = file.read_bytes()
    try:
        file.write_bytes(whole[:place] + data + whole[place + gone :])
        params = FetchParams(root=str(labelled), workers=1, on_bad="skip")
        refused_in_one_line(lambda: prepare(params, tmp_path / "faces"))
    finally:
        file.write_bytes(whole)
