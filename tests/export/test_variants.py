import numpy as np
import pytest

from fbnet.engines import ENGINES, ConversionError, Engine, variants
from fbnet.export.onnx import landmarks
from fbnet.export.variants import Trial, calibration, predict, publish, published
from fbnet.params import ExportParams
from fbnet.predict.interface import to_input
from fbnet.predict.model import OnnxModel
from fbnet.predict.score import score


@pytest.fixture(scope="module")
def trial(net, exported, faces):
    exact = landmarks(net, faces.crops(faces.indices("test")[:5]))
    error = score(OnnxModel(exported), faces).figures["nme"]
    return Trial(faces, exact, error, parity=1e-5, growth=0.05)


def here(engine):
    return engine.installed and engine.runs_here


def test_every_variant_runs_and_holds(trial, exported, faces, tmp_path, capfd):
    names = [name for name, variant in variants().items() if here(variant.engine)]
    rows = publish(names, exported, trial, calibration(faces, 6), tmp_path / "variants")
    assert [row["variant"] for row in rows] == names
    for row in rows:
        assert not row["fault"]
        assert row["parity"] <= (1e-5 if row["precision"] == "fp32" else 0.05)
        assert row["nme_change"] == pytest.approx(row["nme"] / trial.nme - 1)
    models = published(tmp_path / "variants")
    assert list(models) == names
    files = [p for p in (tmp_path / "variants").rglob("*") if p.is_file()]
    assert len(files) == sum(len(variants()[name].engine.suffixes) for name in names)
    for row in rows:
        assert row["size_kb"] * 1024 == sum(map(len, models[row["variant"]].values()))
    assert capfd.readouterr().out == ""


def test_figures_are_those_of_the_files(trial, exported, faces):
    model, row = trial.run("mnn_int8", exported, calibration(faces, 6))
    crops = faces.crops(faces.indices("test"))
    output = predict(ENGINES["mnn"].open(model), crops)
    assert row["parity"] == pytest.approx(np.abs(output[:5] - trial.exact).max())
    assert row["nme"] == pytest.approx(score(Fixed(output, crops), faces).figures["nme"])


class Fixed:
    """Answers for the test faces with landmarks at hand."""

    def __init__(self, output, crops):
        self.size, self.points = crops.shape[1], output.shape[1]
        self.output = output

    def predict(self, images, batch=64):
        return self.output


def test_what_fails_is_not_published_and_named(trial, exported, faces, tmp_path, capsys):
    strict = Trial(faces, trial.exact + 1e-3, trial.nme / 2, parity=1e-5, growth=0.05)
    folder = tmp_path / "variants"
    folder.mkdir()
    (folder / "subnet.old").write_bytes(b"of an earlier run")
    rows = publish(["mnn", "mnn_fp16"], exported, strict, calibration(faces, 6), folder)
    assert "differs from the net by 0.001" in rows[0]["fault"]
    assert "NME grows by 100" in rows[1]["fault"]
    assert list(folder.iterdir()) == [] and published(folder) == {}
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "variant mnn is NOT PUBLISHED",
        "variant mnn_fp16 is NOT PUBLISHED",
    ]


def test_what_is_not_a_number_is_not_published(trial, exported, faces, tmp_path):
    hollow = Trial(faces, trial.exact * np.nan, np.nan, parity=1e-5, growth=0.05)
    rows = publish(["ncnn", "ncnn_fp16"], exported, hollow, calibration(faces, 6), tmp_path / "v")
    assert all(row["fault"] for row in rows)


def test_a_net_that_does_not_convert_has_a_fault(trial, monkeypatch, tmp_path, faces):
    def fail(engine, data, precision, calibration):
        raise ConversionError("no such operator")

    monkeypatch.setattr(Engine, "convert", fail)
    (row,) = publish(["mnn"], b"", trial, calibration(faces, 1), tmp_path / "variants")
    assert row["fault"] == "no such operator" and "nme" not in row


def test_calibration_faces_are_training_faces(faces):
    train = faces.indices("train")
    few = calibration(faces, 3)
    expected = to_input(faces.crops(train[[0, round((len(train) - 1) / 2), len(train) - 1]]))
    assert np.array_equal(few, expected)
    assert len(calibration(faces, 10_000)) == len(train)


def test_the_default_variants_need_no_extra():
    assert set(ExportParams().variants) < set(variants())
    assert all(variants()[name].engine.installed for name in ExportParams().variants)


def test_what_is_not_installed_is_left_out_and_named(trial, faces, exported, tmp_path, capsys):
    lacking = Engine("odd", "odd-wheel", "odd", "odd_engine", (".odd",))
    inputs = calibration(faces, 1)

    def convert(engine, data, precision, calibration):
        raise lacking._not_installed()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Engine, "convert", convert)
        (row,) = publish(["mnn"], exported, trial, inputs, tmp_path / "variants")
    assert row["fault"].startswith("engine odd is not installed here; pip install odd-wheel")
    assert "variant mnn is NOT PUBLISHED: engine odd" in capsys.readouterr().out
    assert published(tmp_path / "variants") == {}


def test_what_another_system_runs_is_converted_and_not_run(
    trial, faces, exported, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(variants()["mnn"].engine.__class__, "runs_here", False)
    monkeypatch.setattr("fbnet.export.variants.SYSTEMS", {"": "macOS"})
    inputs = calibration(faces, 1)
    (row,) = publish(["mnn"], exported, trial, inputs, tmp_path / "variants")
    assert set(row) == {"variant", "engine", "precision", "size_kb", "fault"} and not row["fault"]
    assert "variant mnn is converted and not run: that needs macOS" in capsys.readouterr().out
    assert list(published(tmp_path / "variants")) == ["mnn"]
