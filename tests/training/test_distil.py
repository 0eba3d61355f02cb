"""Distillation: the student follows its teacher as far as the weight says."""

import pytest
import torch
from torch import nn

from fbnet.errors import BadInput
from fbnet.nets.pfld import build_subnet
from fbnet.params import RetrainParams
from fbnet.training.batches import to_image_tensor
from fbnet.training.losses import Teacher
from fbnet.training.retrain import Retraining

ANSWER = 0.7


class Stubborn(nn.Module):
    """Answers 0.7 everywhere; batch norm and dropout would show a forgotten `eval`."""

    def __init__(self, points):
        super().__init__()
        self.points = points
        self.norm = nn.BatchNorm2d(3)
        self.drop = nn.Dropout(0.5)

    def forward(self, x):
        self.norm(x)
        ones = self.drop(torch.ones(len(x), self.points, 2, device=x.device))
        return ANSWER * ones, x


CHOICE = ("sep_k3", "mb_k3", "mb_k3")


def run(faces, space, weight, teacher=None, epochs=25):
    params = RetrainParams(epochs=epochs, min_steps=0, batch=22, lr=0.01, augment=False, ema=0)
    net = build_subnet(space, faces.points, CHOICE, faces.size, seed=1)
    teacher = Teacher(teacher or Stubborn(faces.points), weight) if weight is not None else None
    training = Retraining(faces, net, None, params, teacher=teacher)
    training.run()
    return training


def spread(training, faces):
    images = to_image_tensor(faces.crops(faces.indices("train")))
    with torch.inference_mode():
        return (training.learner.net(images)[0] - ANSWER).abs().mean().item()


def test_the_weight_decides_whom_the_student_follows(faces, space):
    free, torn, bound = (spread(run(faces, space, weight), faces) for weight in (0.0, 0.5, 1.0))
    assert bound < 0.1 < free
    assert bound < torn < free


def test_weight_zero_is_training_without_a_teacher(faces, space):
    plain, idle = (run(faces, space, weight, epochs=2) for weight in (None, 0.0))
    assert plain.history == idle.history


def test_the_teacher_never_changes(faces, space):
    teacher = build_subnet(space, faces.points, CHOICE, faces.size, 3)
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    run(faces, space, 0.5, teacher, epochs=1)
    assert all(torch.equal(before[name], value) for name, value in teacher.state_dict().items())
    assert all(parameter.grad is None for parameter in teacher.parameters())


@pytest.mark.parametrize("weight", [-0.1, 1.5])
def test_a_weight_beyond_a_share_is_refused(weight):
    with pytest.raises(BadInput, match="must be a share"):
        Teacher(nn.Identity(), weight)
