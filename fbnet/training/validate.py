"""A network's NME on faces, during training."""

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import nn
from torch.optim.swa_utils import update_bn

from fbnet.faces.faceset import FaceSet
from fbnet.training.batches import batches
from fbnet.training.streaming import NME

EVAL_BATCH = 128


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


def recalibrate(net: nn.Module, faces: FaceSet, indices: np.ndarray, fabric: Fabric) -> None:
    """Estimate the batch-norm statistics anew from the faces at `indices`.

    A subnet cut from a supernet needs it: its statistics were gathered over mixtures of blocks.
    """
    images = (
        batch.image for batch in batches(faces, indices, EVAL_BATCH, seed=0, epoch=0, shuffle=False)
    )
    update_bn(images, net, device=fabric.device)
