"""Distillation: a trained, larger net answers for each augmented face, beside the labels.

The student's loss becomes (1 - weight) * loss(labels) + weight * loss(teacher's answer). What the
teacher makes of hidden, blurred or badly labelled points is easier to learn than the labels, and
its answer follows every augmentation, since it sees the very picture that the student sees.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fbnet.errors import BadInput


@dataclass(frozen=True)
class Teacher:
    """A net that is asked and never changed; it must be on the student's device.

    net: images [B,3,S,S] -> a tuple that starts with landmarks [B,P,2]. weight: its share of the
    loss, 0..1; 1 leaves the labels to validation.
    """

    net: nn.Module
    weight: float

    def __post_init__(self) -> None:
        """Raise BadInput for a weight that is no share; freeze the net."""
        if not 0 <= self.weight <= 1:
            raise BadInput(f"distillation weight {self.weight}: must be a share, 0..1")
        self.net.eval().requires_grad_(False)

    @torch.no_grad()
    def __call__(self, image: Tensor) -> Tensor:
        """Landmarks [B,P,2] float32, without a graph."""
        landmarks: Tensor = self.net(image)[0]
        return landmarks.float()
