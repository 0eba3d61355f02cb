"""The validation NME, summed face by face as batches arrive.

A mean of batch means would count the faces of a small last batch for more; and torchmetrics'
generality would cost training a dependency and seconds of import for a sum and a count.
"""

from torch import Tensor

from fbnet.errors import BadInput
from fbnet.landmarks import Scheme


class NME:
    """Mean over faces of the NME by outer eye corners; a batch of one weighs as one face."""

    def __init__(self, scheme: Scheme) -> None:
        self.eyes = scheme.eyes
        self.total = 0.0
        self.faces = 0

    def update(self, predicted: Tensor, target: Tensor) -> None:
        """Add a batch: landmarks [B, P, 2], both in one unit.

        Raises BadInput on a true face whose eye corners coincide.
        """
        left, right = self.eyes
        size = (target[:, left] - target[:, right]).norm(dim=1)
        if not bool((size > 0).all()):
            raise BadInput("a true face with coinciding eye corners has no NME; leave it out")
        errors = (predicted - target).norm(dim=2).mean(dim=1) / size
        self.total += errors.double().sum().item()
        self.faces += len(errors)

    def compute(self) -> float:
        """Mean over all faces so far, a fraction. Raises BadInput when there was none."""
        if self.faces == 0:
            raise BadInput("no face to score: the set is empty")
        return self.total / self.faces
