import torch

from benchmarks.headline.models import begin_with, build
from fbnet.landmarks import NNI_TO_IBUG68
from fbnet.params import NNI_SPACE

CHOICE = ("mb_k3_res", "gh_k3", "mb_k5_res", "gh_k5", "gh_k5")


def test_a_net_for_68_points_begins_with_those_of_106():
    for model in ("subnet", "lite"):
        wide, narrow = (
            build(model, points, 64, seed, NNI_SPACE, CHOICE).eval()
            for points, seed in ((106, 1), (68, 2))
        )
        begin_with(narrow, wide.state_dict())
        image = torch.rand(2, 3, 64, 64)
        with torch.inference_mode():
            expected, found = wide(image)[0][:, NNI_TO_IBUG68], narrow(image)[0]
        torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-4)


def test_equal_points_are_taken_as_they_are():
    had, net = (build("lite", 68, 32, seed, NNI_SPACE, CHOICE) for seed in (1, 2))
    begin_with(net, had.state_dict())
    assert torch.equal(net.fc.weight, had.fc.weight)
