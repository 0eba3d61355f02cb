"""The validation NME, summed face by face as batches arrive and across processes.

Apart from metrics.py because importing torchmetrics takes seconds, and only training needs it.
"""

from typing import cast

import torch
from torch import Tensor
from torchmetrics import Metric

from fbnet.errors import BadInput
from fbnet.landmarks import Scheme


class NME(Metric):
    """Mean over faces of the NME by outer eye corners; a batch of one weighs as one face.

    update(predicted [B, P, 2], target [B, P, 2]); compute() -> scalar, a fraction.
    Raises BadInput on a target whose eye corners coincide, and on compute() without a face.
    """

    full_state_update = False
    higher_is_better = False
    total: Tensor
    faces: Tensor

    def __init__(self, scheme: Scheme) -> None:
        super().__init__()
        self.eyes = scheme.eyes
        zero = torch.zeros((), dtype=torch.float64)
        self.add_state("total", zero, dist_reduce_fx="sum")
        self.add_state("faces", zero.clone(), dist_reduce_fx="sum")

    def update(self, predicted: Tensor, target: Tensor) -> None:
        """Add a batch."""
        left, right = self.eyes
        size = (target[:, left] - target[:, right]).norm(dim=1)
        if not bool((size > 0).all()):
            raise BadInput("a true face with coinciding eye corners has no NME; leave it out")
        errors = (predicted - target).norm(dim=2).mean(dim=1) / size
        self.total += errors.double().sum()
        self.faces += len(errors)

    def compute(self) -> Tensor:
        """Mean over all faces so far."""
        if not bool(self.faces > 0):
            raise BadInput("no face to score: the set is empty")
        return cast(Tensor, self.total / self.faces)
