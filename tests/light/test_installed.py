"""What a light install can do: no torch, no DVC, no MLflow, an empty folder.

`make light` runs these tests in a bare environment with the wheel, without the other tests'
fixtures; with all other tests they run in the full environment.
"""

import json
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np
import pytest

WIDTH, HEIGHT = 160, 120


def fbnet(*arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the command `fbnet` in a folder."""
    command = [sys.executable, "-m", "stages.cli", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A grey picture with noise."""
    draws = np.random.default_rng(0)
    cv2.imwrite(str(tmp_path / "p.png"), draws.integers(90, 160, (HEIGHT, WIDTH, 3), np.uint8))
    return tmp_path / "p.png"


def test_predict_draws_with_the_model_that_is_shipped(picture: Path, tmp_path: Path) -> None:
    done = fbnet("predict", picture, "--crops", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    written = tmp_path / "predictions"
    result = json.loads((written / "landmarks.json").read_text())
    assert (result["version"], result["model"]) == (2, "subnet.onnx")
    assert len(result["pictures"][0]["faces"]) == 1
    height, width = cv2.imread(str(written / "p.png")).shape[:2]
    assert height % HEIGHT == 0 and width % WIDTH == 0


def test_the_detector_is_there_and_exit_code_3_means_no_face(picture: Path, tmp_path: Path) -> None:
    done = fbnet("predict", picture, folder=tmp_path)
    assert done.returncode == 3, done.stderr
    assert "p.png: no face found" in done.stdout
    result = json.loads((tmp_path / "predictions/landmarks.json").read_text())
    assert result["nothing_found"] == [str(picture)] and result["detector"] == "mtcnn"


def test_pages_need_the_pinned_engine_only(picture: Path, tmp_path: Path) -> None:
    done = fbnet("web", "--runtime", picture, folder=tmp_path)
    assert done.returncode == 2 and "not the archive of onnxruntime-web" in done.stderr
    assert not (tmp_path / "web").exists()


def test_three_lines_of_python(picture: Path, tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from fbnet import Landmarker\n"
        "faces = Landmarker()(sys.argv[1], boxes=[(40, 20, 80, 80)])\n"
        "assert faces[0].landmarks.shape == (106, 2)"
    )
    command = [sys.executable, "-c", code, str(picture)]
    subprocess.run(command, cwd=tmp_path, check=True)


def test_bad_input_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    done = fbnet("predict", "gone.png", folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and "gone.png" in done.stderr
    assert not (tmp_path / "predictions").exists()


def test_score_reads_pictures_with_labels(tmp_path: Path) -> None:
    draws, angles = np.random.default_rng(1), np.linspace(0, np.pi, 106)
    (tmp_path / "faces/landmarks").mkdir(parents=True)
    (tmp_path / "faces/images").mkdir()
    for number in range(4):
        points = 60 + 40 * np.stack([np.cos(angles), np.sin(angles)], 1)
        points += draws.uniform(0, 5, points.shape)
        text = "\n".join(["106", *(f"{x:.3f} {y:.3f}" for x, y in points)]) + "\n"
        (tmp_path / f"faces/landmarks/{number}.txt").write_text(text)
        image = draws.integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
        cv2.imwrite(str(tmp_path / f"faces/images/{number}.jpg"), image)
    model = files("fbnet") / "pretrained/subnet.onnx"
    done = fbnet("score", model, tmp_path / "faces", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "nme" in done.stdout and "faces" in done.stdout


@pytest.mark.parametrize("command", ["predict", "score", "kit", "import", "report", "check"])
def test_help_works_without_what_the_command_itself_may_need(command: str, tmp_path: Path) -> None:
    assert fbnet(command, "--help", folder=tmp_path).returncode == 0
