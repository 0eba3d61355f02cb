"""Every engine of the table: converted to, opened, run; and what is refused."""

import os
import subprocess
import sys
import threading

import numpy as np
import onnx
import pytest

from fbnet.engines import (
    ENGINES,
    ConversionError,
    Engine,
    NotInstalled,
    base,
    fixed_batch,
    variants,
)
from fbnet.engines.base import quiet
from fbnet.errors import BadInput
from fbnet.predict.interface import to_input

CONVERTED = [
    name
    for name, variant in variants().items()
    if variant.engine.installed and variant.engine.name != "onnxruntime"
]
"""What `make engines` installs besides is tested where it is there."""
HERE = [
    pytest.param(
        name, marks=pytest.mark.skipif(not engine.installed, reason="not installed: make engines")
    )
    for name, engine in ENGINES.items()
    if engine.runs_here
]


@pytest.fixture(scope="module", params=HERE)
def engine(request):
    return ENGINES[request.param]


@pytest.fixture(scope="module")
def model(engine, exported):
    return engine.convert(exported)


@pytest.fixture(scope="module")
def expected(exported, images):
    session = ENGINES["onnxruntime"].open({".onnx": exported})
    return np.concatenate([session(x[None]) for x in to_input(images)])


@pytest.fixture(scope="module")
def converted(exported, images):
    return {name: convert(name, exported, images) for name in CONVERTED}


def convert(name, data, images):
    variant = variants()[name]
    return variant.engine.convert(data, variant.precision, to_input(images))


def test_every_engine_computes_the_same(engine, model, images, expected):
    session = engine.open(model)
    landmarks = np.concatenate([session(x[None]) for x in to_input(images)])
    assert landmarks.dtype == np.float32
    assert landmarks == pytest.approx(expected, abs=1e-6)


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


def test_what_is_no_model_is_refused(engine):
    with pytest.raises(BadInput, match="cannot open the model"):
        engine.open(dict.fromkeys(engine.suffixes, b"no model"))
    with pytest.raises(BadInput, match="is not there"):
        engine.open({})


def test_an_engine_that_is_not_installed_is_named(tmp_path, monkeypatch):
    engine = Engine("odd", "odd-wheel", "no_such_module", "nowhere", (".odd",))
    (tmp_path / "no_such_module").mkdir()  # Python would take a mere folder for the module
    for path in ([], [str(tmp_path)]):
        monkeypatch.setattr(sys, "path", [*path, *sys.path])
        for attempt in (engine.version, lambda: engine.open({".odd": b""})):
            with pytest.raises(BadInput, match="odd is not installed here; pip install odd-wheel"):
                attempt()


@pytest.mark.parametrize("name", ["mnn", "ncnn"])
def test_an_input_of_another_shape_is_refused(name, exported, images):
    engine = ENGINES[name]
    with pytest.raises(ValueError, match="takes"):
        engine.open(engine.convert(exported))(to_input(images[:2]))


def test_variants_are_named_by_engine_and_precision(tmp_path):
    assert list(variants()) == [
        "onnxruntime_int8",
        "onnxruntime_int8_qdq",
        "mnn",
        "mnn_fp16",
        "mnn_int8",
        "ncnn",
        "ncnn_fp16",
        "openvino",
        "openvino_fp16",
        "openvino_int8",
        "litert",
        "litert_fp16",
        "litert_int8",
        "executorch",
        "coreml",
    ]
    files = [path for variant in variants().values() for path in variant.files(tmp_path).values()]
    assert len(set(files)) == len(files) == 20
    assert variants()["ncnn_fp16"].files(tmp_path)[".bin"] == tmp_path / "ncnn/subnet_fp16.bin"


@pytest.mark.parametrize("name", CONVERTED)
def test_equal_nets_give_equal_bytes(name, converted, exported, images):
    assert convert(name, exported, images) == converted[name]


def test_no_path_of_this_machine_is_left(converted):
    for model in converted.values():
        for data in model.values():
            assert b"/tmp" not in data and b"model.onnx" not in data and b"/home" not in data


def test_fewer_bits_make_smaller_files_and_a_small_error(converted, exported, images):
    size = {
        name: len(model.get(".bin") or b"".join(model.values()))
        for name, model in converted.items()
    }
    for name in converted:
        engine = variants()[name].engine.name
        assert name == engine or size[name] < size[engine]
    x = to_input(images[:1])
    expected = ENGINES["onnxruntime"].open({".onnx": exported})(x)
    for name, model in converted.items():
        variant = variants()[name]
        if not variant.engine.runs_here:
            continue
        landmarks = variant.engine.open(model)(x)
        full = variant.precision == "fp32"
        assert landmarks == pytest.approx(expected, abs=1e-6 if full else 0.05)
        assert full or not np.array_equal(landmarks, expected)


def test_a_batch_can_be_fixed(exported, images):
    shape = onnx.load_from_string(fixed_batch(exported, 3)).graph.input[0].type.tensor_type.shape
    assert shape.dim[0].dim_value == 3
    x, mnn = to_input(images[:3]), ENGINES["mnn"]
    expected = ENGINES["onnxruntime"].open({".onnx": exported})(x)
    session = mnn.open(mnn.convert(fixed_batch(exported, 3)))
    assert session(x) == pytest.approx(expected, abs=1e-6)


def unconvertible():
    node = onnx.helper.make_node("NoSuchOperator", ["x"], ["y"], domain="nowhere")
    values = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 3, 4, 4])
        for name in "xy"
    ]
    graph = onnx.helper.make_graph([node], "odd", values[:1], values[1:])
    return onnx.helper.make_model(graph).SerializeToString()


@pytest.mark.parametrize("name", ["mnn", "ncnn"])
def test_a_net_that_cannot_be_converted_is_an_error(name):
    with pytest.raises(ConversionError, match="cannot convert the net"):
        ENGINES[name].convert(unconvertible())


@pytest.mark.parametrize(
    ("name", "distribution"),
    [
        ("mnn", "MNN"),
        ("ncnn", "pnnx"),
        ("openvino", "openvino"),
        ("executorch", "executorch"),
        ("coreml", "coremltools"),
    ],
)
def test_missing_converters_are_named(name, distribution, exported, monkeypatch):
    def absent(module):
        if "." in module:  # a package that is not there is imported for its module
            raise ModuleNotFoundError(module)

    monkeypatch.setattr(base, "find_spec", absent)
    with pytest.raises(BadInput, match=f"converter {distribution} is not installed"):
        ENGINES[name].convert(exported)


def test_a_program_that_is_missing_is_named_with_its_remedy(exported, monkeypatch):
    monkeypatch.setattr(base.shutil, "which", lambda *_, **__: None)
    assert not ENGINES["litert"].installed
    with pytest.raises(NotInstalled, match="onnx2tf is not installed here; `make tflite-env`"):
        ENGINES["litert"].convert(exported)


def test_what_another_system_runs_is_not_opened(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    assert not ENGINES["coreml"].runs_here
    with pytest.raises(BadInput, match="coreml runs on macOS only; choose another engine"):
        ENGINES["coreml"].open({".mlmodel": b""})


def test_importing_the_table_and_the_engines_files_loads_no_engine():
    files = ", ".join(engine.implementation for engine in ENGINES.values())
    heavy = ("torch", "onnx", *(engine.module for engine in ENGINES.values()))
    code = f"import sys, fbnet.engines, {files}; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_quiet_gives_both_streams_back(capfd):
    with quiet():
        os.write(1, b"lost")
        os.write(2, b"lost")
    os.write(1, b"out")
    os.write(2, b"err")
    assert capfd.readouterr() == ("out", "err")


def test_quiet_keeps_one_thread_at_a_time():
    inside, leave, entered = threading.Event(), threading.Event(), threading.Event()

    def first():
        with quiet():
            inside.set()
            leave.wait(10)

    def second():
        with quiet():
            entered.set()

    before = sys.stdout
    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    threads[0].start()
    assert inside.wait(10)
    threads[1].start()
    assert not entered.wait(0.2)
    leave.set()
    for thread in threads:
        thread.join(10)
    assert entered.is_set() and sys.stdout is before


SIGNALLED = """
import faulthandler, os, signal, sys, threading
from pathlib import Path
from fbnet.engines import ENGINES

faulthandler.enable()
signal.signal(signal.SIGTERM, lambda *_: print("handled", flush=True))
engine = ENGINES[sys.argv[1]]
held = [engine.open(engine.convert(Path(sys.argv[2]).read_bytes()))]
thread = threading.Thread(target=held.clear)
thread.start()
thread.join()
os.kill(os.getpid(), signal.SIGTERM)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="signals")
def test_a_signal_is_handled_after_a_session_was_closed_elsewhere(engine, exported, tmp_path):
    """OpenVINO would leave the main thread a signal stack that it has freed."""
    (tmp_path / "net.onnx").write_bytes(exported)
    command = [sys.executable, "-c", SIGNALLED, engine.name, str(tmp_path / "net.onnx")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.endswith("handled\n"), done.stderr
