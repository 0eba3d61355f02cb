"""Landmark losses, each a mean over the batch's faces, and distillation, which adds a teacher's.

Landmarks are [B, P, 2] in units of the crop (0..1), so a residual of 1/112 is a pixel of NNI's
input. Points whose target is NaN were not seen: they have no residual, and a face's others count
for more, so that each face has its weight. A loss is the product of two parts:

- what a face's residuals cost, [B]: squared, or a Wing penalty, summed over its 2P coordinates;
- how much the face counts, [B]: 1, or the pose weight of PFLD.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from fbnet.errors import BadInput

Penalty = Callable[[Tensor], Tensor]
"""Elementwise: residuals [...] -> costs [...]."""
WIDTH, EPSILON = 10 / 112, 2 / 112
"""Shape of the Wing losses in units of the crop: Feng's 10 and 2 pixels, of a crop of 112."""


def wing(residuals: Tensor, width: float = WIDTH, epsilon: float = EPSILON) -> Tensor:
    """Wing penalty (Feng et al. 2018, eq. 5): a logarithm up to `width`, then linear.

    `width` (w) and `epsilon` are in the residuals' unit; elementwise.
    """
    size = residuals.abs()
    offset = width - width * math.log1p(width / epsilon)
    return torch.where(size < width, width * torch.log1p(size / epsilon), size - offset)


def smooth_wing(residuals: Tensor, width: float = WIDTH, epsilon: float = EPSILON) -> Tensor:
    """Wing without its two corners: the slope is continuous at 0 and at `width`.

    Wing's slope jumps by 2 * width / epsilon at 0, so tiny residuals never settle, and from
    w / (w + epsilon) to 1 at `width`. Here |r| becomes sqrt(r^2 + d^2) - d with d = epsilon / 4,
    and the linear part continues with the logarithm's last slope.
    """
    corner = epsilon / 4
    square = residuals.square()
    size = square / (torch.sqrt(square + corner**2) + corner)  # sqrt(r^2 + d^2) - d, exact near 0
    inner = width * torch.log1p(size / epsilon)
    outer = width * math.log1p(width / epsilon) + width / (width + epsilon) * (size - width)
    return torch.where(size < width, inner, outer)


def soft_wing(
    residuals: Tensor, inner: float = 2 / 112, outer: float = 20 / 112, epsilon: float = 0.5 / 112
) -> Tensor:
    """Soft Wing penalty (Lin et al., IEEE TIP 2021): linear up to `inner`, then logarithmic.

    Beyond `inner` it is outer * ln(1 + |r| / epsilon) less a constant that makes it continuous:
    large errors weigh less than by Wing. All in the residuals' unit; elementwise. The defaults are
    those of mmpose: 2, 20 and 0.5 pixels.
    """
    size = residuals.abs()
    offset = inner - outer * math.log1p(inner / epsilon)
    return torch.where(size < inner, size, outer * torch.log1p(size / epsilon) + offset)


def pose_weight(angle: Tensor, true_angle: Tensor, floor: float) -> Tensor:
    """Weight of each face, [B]: floor + sum over the three angles of 1 - cos(difference).

    PFLD (arXiv 1902.10859), equation 1, without the class share that NNI drops too. Angles are
    [B, 3] in radians. With floor 0, NNI's form, a face whose pose is predicted right has no loss at
    all; with 1 it keeps its plain loss. Added, not a maximum, so that this term trains the pose net
    at any error. True angles that are NaN are not known, and add nothing.
    """
    difference = torch.where(true_angle.isnan(), 0.0, angle - true_angle)
    return floor + (1 - torch.cos(difference)).sum(dim=1)


@dataclass(frozen=True)
class LandmarkLoss:
    """Mean over faces of (weight of the face x sum over coordinates of the penalty).

    uses_pose: whether faces are weighted by `pose_weight`; floor: the least such weight.
    """

    penalty: Penalty
    uses_pose: bool = False
    floor: float = 1.0

    def __call__(
        self,
        landmarks: Tensor,
        target: Tensor,
        angle: Tensor | None = None,
        true_angle: Tensor | None = None,
    ) -> Tensor:
        """Scalar loss of landmarks against target, both [B, P, 2].

        Where `uses_pose`, angle and true_angle, [B, 3] in radians, are needed too; raises
        ValueError without them.
        """
        seen = ~target.isnan()
        residuals = torch.where(seen, landmarks - target, 0.0)
        # The share of what was seen is 1 for whole labels, which leaves their bits as they are.
        cost = self.penalty(residuals).sum(dim=(1, 2)) / seen.float().mean(dim=(1, 2))
        if not self.uses_pose:
            return cost.mean()
        if angle is None or true_angle is None:
            raise ValueError("a pose-weighted loss needs the predicted and the true angles")
        return (pose_weight(angle, true_angle, self.floor) * cost).mean()


L2 = LandmarkLoss(torch.square)
WING = LandmarkLoss(wing)
SMOOTH_WING = LandmarkLoss(smooth_wing)
SOFT_WING = LandmarkLoss(soft_wing)
POSE_L2, POSE_WING, POSE_SMOOTH_WING = (
    replace(loss, uses_pose=True) for loss in (L2, WING, SMOOTH_WING)
)


@dataclass(frozen=True)
class Teacher:
    """Distillation: a trained, larger net predicts each augmented face, beside the labels.

    The student's loss becomes (1 - weight) * loss(labels) + weight * loss(teacher's landmarks).
    What the teacher predicts for hidden, blurred or badly labelled points is easier to learn than
    the labels, and it follows every augmentation, since it sees the student's own input.

    net: images [B, 3, S, S] -> a tuple that starts with landmarks [B, P, 2]; frozen here, and it
    must be on the student's device. weight: its share of the loss, 0..1; 1 leaves the labels to
    validation. Raises BadInput for another weight.
    """

    net: nn.Module
    weight: float

    def __post_init__(self) -> None:
        """Check the weight and freeze the net."""
        if not 0 <= self.weight <= 1:
            raise BadInput(f"distillation weight {self.weight}: must be a share, 0..1")
        self.net.eval().requires_grad_(False)

    @torch.no_grad()
    def __call__(self, image: Tensor) -> Tensor:
        """Landmarks [B, P, 2] float32, without a graph."""
        landmarks: Tensor = self.net(image)[0]
        return landmarks.float()
