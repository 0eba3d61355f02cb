"""Landmark losses by name, each a mean over the batch's faces.

Landmarks are [B, P, 2] in units of the crop (0..1), so a residual of 1/112 is a pixel of NNI's
input. A loss is the product of two parts:

- what a face's residuals cost, [B]: squared, Wing or smooth Wing, summed over its 2P coordinates;
- how much the face counts, [B]: 1, or the pose weight of PFLD.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

Penalty = Callable[[Tensor], Tensor]
"""Elementwise: residuals [...] -> costs [...]."""


def wing(residuals: Tensor, width: float, epsilon: float) -> Tensor:
    """Wing penalty (Feng et al. 2018, eq. 5): a logarithm up to `width`, then linear.

    `width` (w) and `epsilon` are in the residuals' unit; elementwise.
    """
    size = residuals.abs()
    offset = width - width * math.log1p(width / epsilon)
    return torch.where(size < width, width * torch.log1p(size / epsilon), size - offset)


def smooth_wing(residuals: Tensor, width: float, epsilon: float) -> Tensor:
    """Wing without its two corners: the slope is continuous at 0 and at `width`.

    Wing's slope jumps by 2 * width / epsilon at 0, so tiny residuals never settle, and from
    w / (w + epsilon) to 1 at `width`. Here |r| becomes sqrt(r^2 + d^2) - d with d = epsilon / 4,
    and the linear part goes on with the logarithm's last slope.
    """
    corner = epsilon / 4
    square = residuals.square()
    size = square / (torch.sqrt(square + corner**2) + corner)  # sqrt(r^2 + d^2) - d, exact near 0
    inner = width * torch.log1p(size / epsilon)
    outer = width * math.log1p(width / epsilon) + width / (width + epsilon) * (size - width)
    return torch.where(size < width, inner, outer)


def pose_weight(angle: Tensor, true_angle: Tensor, floor: float) -> Tensor:
    """Weight of each face, [B]: floor + sum over the three angles of 1 - cos(difference).

    PFLD, equation 1, without the class share that NNI drops too). Angles are
    [B, 3] in radians. With floor 0, NNI's form, a face whose pose is guessed right has no
    loss at all; with 1 it keeps its plain loss. Added, not a maximum, so that the pose net is
    taught by this term at any error.
    """
    return floor + (1 - torch.cos(angle - true_angle)).sum(dim=1)


@dataclass(frozen=True)
class LandmarkLoss:
    """Callable loss: mean over faces of (weight x sum over coordinates of the penalty)."""

    penalty: Penalty
    uses_pose: bool
    floor: float = 1.0

    def __call__(
        self,
        landmarks: Tensor,
        target: Tensor,
        angle: Tensor | None = None,
        true_angle: Tensor | None = None,
    ) -> Tensor:
        """Scalar loss; landmarks and target [B, P, 2], angles [B, 3] radians when `posed`."""
        cost = self.penalty(landmarks - target).sum(dim=(1, 2))
        if not self.uses_pose:
            return cost.mean()
        if angle is None or true_angle is None:
            raise ValueError("a pose-weighted loss needs the predicted and the true angles")
        return (pose_weight(angle, true_angle, self.floor) * cost).mean()


PENALTIES: dict[str, Callable[..., Tensor]] = {
    "l2": torch.square,
    "wing": wing,
    "smooth_wing": smooth_wing,
}
POSED = "pose_"
LOSSES = (*PENALTIES, *(POSED + name for name in PENALTIES))
"""Names of the losses: a penalty, or `pose_` before it. NNI's is `pose_l2` with floor 0."""


def landmark_loss(
    name: str, *, width: float = 10 / 112, epsilon: float = 2 / 112, floor: float = 1.0
) -> LandmarkLoss:
    """The loss called `name`, one of LOSSES.

    `width` and `epsilon` shape the Wing losses, in units of the crop (by default Feng's 10 and 2
    pixels, of a crop of 112); `floor` is the least weight of a face in the pose-weighted ones.
    Raises ValueError on an unknown name (params refuse it before).
    """
    if name not in LOSSES:
        raise ValueError(f"unknown loss {name!r}; known: {', '.join(LOSSES)}")
    kind = name.removeprefix(POSED)
    shape = {} if kind == "l2" else {"width": width, "epsilon": epsilon}
    return LandmarkLoss(partial(PENALTIES[kind], **shape), name != kind, floor)
