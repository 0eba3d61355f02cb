import os

import numpy as np
import pytest

from fbnet.engines import ENGINES, read_model
from fbnet.engines.base import Engine, quiet
from fbnet.engines.convert import CONVERTERS
from fbnet.errors import BadInput
from fbnet.predict.interface import to_input


@pytest.fixture(scope="module", params=ENGINES)
def engine(request):
    return ENGINES[request.param]


@pytest.fixture(scope="module")
def model(engine, exported):
    return CONVERTERS[engine.name](exported)


@pytest.fixture(scope="module")
def expected(exported, images):
    session = ENGINES["onnxruntime"].open({".onnx": exported})
    return np.concatenate([session(x[None]) for x in to_input(images)])


def test_every_engine_computes_the_same(engine, model, images, expected):
    session = engine.open(model)
    found = np.concatenate([session(x[None]) for x in to_input(images)])
    assert found.dtype == np.float32
    assert found == pytest.approx(expected, abs=1e-6)


def test_results_stay_when_the_session_runs_again(engine, model, images):
    session, (first, second) = engine.open(model), to_input(images[:2])
    kept = session(first[None])
    before = kept.copy()
    assert not np.array_equal(session(second[None]), before)
    assert np.array_equal(kept, before)


def test_inputs_may_lie_anyhow_in_memory(engine, model, images, expected):
    turned = np.asfortranarray(to_input(images[:1]))
    assert engine.open(model)(turned) == pytest.approx(expected[:1], abs=1e-6)


def test_opening_prints_nothing(engine, model, images, capfd):
    engine.open(model, threads=2)(to_input(images[:1]))
    assert capfd.readouterr() == ("", "")


def test_it_knows_its_version(engine):
    assert engine.version()[0].isdigit()


def test_models_are_read_from_disk(engine, model, tmp_path):
    for suffix, data in model.items():
        (tmp_path / f"net{suffix}").write_bytes(data)
    assert read_model(tmp_path / f"net{engine.suffixes[0]}", engine.suffixes) == model
    (tmp_path / f"net{engine.suffixes[-1]}").unlink()
    with pytest.raises(BadInput, match=rf"net\{engine.suffixes[-1]}: no such file"):
        read_model(tmp_path / f"net{engine.suffixes[0]}", engine.suffixes)


def test_what_is_no_model_is_refused(engine):
    with pytest.raises(BadInput, match="cannot open the model"):
        engine.open(dict.fromkeys(engine.suffixes, b"no model"))
    with pytest.raises(BadInput, match="is not there"):
        engine.open({})


def test_a_missing_wheel_is_named():
    engine = Engine("odd", "no_such_wheel", (".odd",), batched=True, _open=lambda *_: None)
    for attempt in (engine.version, lambda: engine.open({".odd": b""})):
        with pytest.raises(BadInput, match="the wheel no_such_wheel is not installed here"):
            attempt()


def test_mnn_refuses_an_input_of_another_shape(exported, images):
    session = ENGINES["mnn"].open(CONVERTERS["mnn"](exported))
    with pytest.raises(ValueError, match="the model takes"):
        session(to_input(images[:2]))


def test_quiet_gives_both_streams_back(capfd):
    with quiet():
        os.write(1, b"lost")
        os.write(2, b"lost")
    os.write(1, b"out")
    os.write(2, b"err")
    assert capfd.readouterr() == ("out", "err")
