"""A network's NME on faces, during training."""

from math import ceil

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from fbnet.errors import BadInput
from fbnet.faces.faceset import FaceSet
from fbnet.landmarks import Scheme
from fbnet.training.batches import batches
from fbnet.training.losses import LandmarkLoss

EVAL_BATCH = 128


class NME:
    """Mean over faces of the NME by outer eye corners, summed as batches arrive.

    A mean of batch means would count the faces of a small last batch for more. torchmetrics would
    cost training a dependency and seconds of import for a sum and a count.
    """

    def __init__(self, scheme: Scheme) -> None:
        self.eyes = scheme.eyes
        self.total = 0.0
        self.faces = 0

    def update(self, predicted: Tensor, target: Tensor) -> None:
        """Add a batch: landmarks [B, P, 2], both in one unit; true ones NaN where not seen.

        Raises BadInput on a true face whose eye corners coincide.
        """
        left, right = self.eyes
        size = (target[:, left] - target[:, right]).norm(dim=1)
        if not bool((size > 0).all()):
            raise BadInput("a true face with coinciding eye corners has no NME; leave it out")
        distances = (predicted - target).norm(dim=2)
        unseen = distances.isnan() & target[..., 0].isnan()
        seen = (~unseen).sum(dim=1)
        errors = distances.masked_fill(unseen, 0.0).sum(dim=1) / seen / size
        self.total += errors.double().sum().item()
        self.faces += len(errors)

    def compute(self) -> float:
        """Mean over all faces so far, a fraction. Raises BadInput when there was none."""
        if self.faces == 0:
            raise BadInput("no face to score: the set is empty")
        return self.total / self.faces


@torch.inference_mode()
def validation_nme(net: nn.Module, faces: FaceSet, indices: np.ndarray, fabric: Fabric) -> float:
    """Mean NME of `net` over the faces at `indices`, in eval mode, without augmentation."""
    was_training = net.training
    net.eval()
    metric = NME(faces.scheme)
    for batch in batches(faces, indices, EVAL_BATCH, seed=0, epoch=0, shuffle=False):
        landmarks, _ = net(batch.image.to(fabric.device))
        metric.update(landmarks.float().cpu(), batch.landmarks)
    net.train(was_training)
    return float(metric.compute())


@torch.inference_mode()
def validation_loss(
    net: nn.Module,
    pose_net: nn.Module | None,
    loss: LandmarkLoss,
    faces: FaceSet,
    indices: np.ndarray,
    fabric: Fabric,
) -> float:
    """Mean of `loss` over the faces at `indices`, in eval mode, without augmentation.

    `pose_net` gives the angles where the loss uses them.
    """
    modules = [net, *([pose_net] if pose_net else [])]
    were_training = [module.training for module in modules]
    total = 0.0
    for module in modules:
        module.eval()
    for batch in batches(faces, indices, EVAL_BATCH, seed=0, epoch=0, shuffle=False):
        image, target, pose = fabric.to_device((batch.image, batch.landmarks, batch.pose))
        landmarks, feature = net(image)
        angle = pose_net(feature) if pose_net and loss.uses_pose else None
        total += loss(landmarks, target, angle, pose).item() * len(image)
    for module, was_training in zip(modules, were_training, strict=True):
        module.train(was_training)
    return total / len(indices)


def recalibrate(net: nn.Module, faces: FaceSet, indices: np.ndarray, fabric: Fabric) -> None:
    """Estimate the batch-norm statistics anew from the faces at `indices`.

    A subnet cut from a supernet needs it: its statistics were estimated over mixtures of blocks.
    """
    # Of one size, since each counts for as much.
    size = ceil(len(indices) / ceil(len(indices) / EVAL_BATCH))
    images = (
        batch.image for batch in batches(faces, indices, size, seed=0, epoch=0, shuffle=False)
    )
    update_bn(images, net, device=fabric.device)
