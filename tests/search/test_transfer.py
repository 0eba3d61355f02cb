"""A trained subnet as the start of another training."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from fbnet.errors import BadInput
from fbnet.faces.faceset import FaceSet
from fbnet.files import read_json, write_json
from fbnet.landmarks import NNI_TO_IBUG68
from fbnet.nets.baselines import build_baseline
from fbnet.nets.pfld import build_subnet
from fbnet.params import NNI_SPACE, RetrainParams
from fbnet.search.finetune import inherited_nets
from fbnet.search.transfer import with_points
from fbnet.training.checkpoints import load_weights, save_weights
from stages.cli import main

CHOICE = ("mb_k3_res", "gh_k3", "mb_k5_res", "gh_k5", "gh_k5")


def subnet(points: int, heads: tuple[str, ...] = ()) -> nn.Module:
    return build_subnet(NNI_SPACE, points, CHOICE, 64, seed=points, heads=heads).eval()


@pytest.mark.parametrize("model", ["subnet", "lite"])
def test_a_net_of_68_points_gives_those_of_106(model: str) -> None:
    wide, narrow = (
        subnet(points) if model == "subnet" else build_baseline(model, points, 64).eval()
        for points in (106, 68)
    )
    narrow.load_state_dict(with_points(wide.state_dict(), 68))
    image = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected, landmarks = wide(image)[0][:, NNI_TO_IBUG68], narrow(image)[0]
    torch.testing.assert_close(landmarks, expected, atol=1e-6, rtol=1e-4)


def test_as_many_points_are_taken_as_they_are() -> None:
    weights = subnet(68).state_dict()
    assert with_points(weights, 68).keys() == weights.keys()
    assert torch.equal(with_points(weights, 68)["fc.weight"], weights["fc.weight"])


def test_points_that_are_not_in_the_net_are_refused() -> None:
    for own, wanted in ((68, 106), (106, 98), (5, 68)):
        with pytest.raises(BadInput, match=f"{wanted} points cannot be taken out of {own}"):
            with_points({"fc.bias": torch.zeros(2 * own)}, wanted)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """subnet.safetensors of a run with heads, of 106 points, and what it says of itself."""
    save_weights(tmp_path / "subnet.safetensors", subnet(106, ("pose",)).state_dict())
    record = {"space": "nni", "points": 106, "size": 64, "choice": CHOICE, "heads": ["pose"]}
    write_json(tmp_path / "architecture.json", record)
    return tmp_path / "subnet.safetensors"


@pytest.mark.parametrize("points", [106, 68])
def test_retraining_starts_from_a_run_s_subnet(
    run: Path, tmp_path: Path, make_faces: Callable[..., FaceSet], points: int
) -> None:
    out = tmp_path / "search"
    named = ["--points", str(points)] if points == 68 else []
    assert main(["convert", str(run), "--out", str(out), *named]) == 0
    record = read_json(out / "architecture.json")
    assert (record["points"], record["candidates"]) == (points, [list(CHOICE)])
    faces = make_faces(count=4, points=points, size=64)
    weights = load_weights(out / "supernet.safetensors")
    net, _, inherited = inherited_nets(CHOICE, faces, NNI_SPACE, weights, RetrainParams())
    assert inherited == len(net.state_dict())
    wanted = with_points(load_weights(run), points)
    assert all(torch.equal(value, wanted[name]) for name, value in net.state_dict().items())


@pytest.mark.parametrize(
    ("named", "part"),
    [
        (["--points", "98"], "98 points cannot be taken out of 106"),
        (["--points", "0"], "0 points cannot be taken out of 106"),
        (["--supernet", "x.pth"], "--supernet: goes with NNI's checkpoint of a subnet"),
        (["--choice", "gh_k5", *CHOICE[1:]], "weights do not fit the net"),
    ],
)
def test_what_does_not_fit_writes_nothing(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], named: list[str], part: str
) -> None:
    assert main(["convert", str(run), "--out", str(tmp_path / "out"), *named]) == 2
    assert part in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_run_s_own_folder_is_left_alone(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = run.with_name("architecture.json").read_bytes()
    assert main(["convert", str(run), "--points", "68", "--out", str(run.parent)]) == 2
    assert "holds subnet.safetensors and its architecture.json" in capsys.readouterr().err
    assert run.with_name("architecture.json").read_bytes() == before


def test_a_subnet_without_its_architecture_is_named(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run.with_name("architecture.json").unlink()
    assert main(["convert", str(run)]) == 2
    assert "architecture.json: no such file" in capsys.readouterr().err


def test_a_supernet_of_other_points_is_one_line(
    run: Path, tmp_path: Path, make_faces: Callable[..., FaceSet]
) -> None:
    assert main(["convert", str(run), "--out", str(tmp_path / "search")]) == 0
    weights = load_weights(tmp_path / "search/supernet.safetensors")
    faces = make_faces(count=4, points=68, size=64)
    with pytest.raises(BadInput, match=r"supernet for 68 points: .* another shape: fc\.weight"):
        inherited_nets(CHOICE, faces, NNI_SPACE, weights, RetrainParams())
