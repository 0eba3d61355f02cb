"""Heads beside the landmarks, trained on a finished net: its weights, and so its NME, stay.

What photographs do not state (visibility, openness; their pose is an estimate) is learned from
rendered faces; confidence is learned where the landmarks are, from the net's own errors.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn import functional as F

from fbnet.errors import BadInput
from fbnet.faces.faceset import FaceSet
from fbnet.nets.pfld import PFLD
from fbnet.outputs import HOLDS_90, LABELS, NEAR
from fbnet.params import AugmentParams, RetrainParams
from fbnet.progress import say, track
from fbnet.training.batches import Batch, batches
from fbnet.training.learner import Shards
from fbnet.training.optim import adamw, cosine, set_rate
from fbnet.training.schedule import steps_of

OWN = "confidence"
"""The head that learns from the net's errors, on the faces that the net was trained on."""
STRICT = 0.1
"""Residual, in radians and in gap by width, above which the loss grows linearly."""
WEIGHTS = {"pose": 3.0, "confidence": 0.3, "visibility": 1.0, "openness": 10.0}
"""What brings the losses to one size, since the heads share a layer."""
BATCH, WEIGHT_DECAY = 64, 1e-4


@dataclass(frozen=True, eq=False)
class Lesson:
    """Faces, and the heads that learn from them."""

    faces: FaceSet
    heads: tuple[str, ...]


def lessons(heads: Sequence[str], faces: FaceSet, rendered: FaceSet | None) -> list[Lesson]:
    """Which head learns from which faces. rendered: taken for what `faces` do not state.

    Raises BadInput where neither has the labels, and where the two are not of one kind.
    """
    missing = [head for head in heads if not _states(faces, head)]
    if rendered is None and missing:
        raise BadInput(
            f"export.outputs: {missing[0]} is learned from rendered faces, and these faces "
            f"({faces.layout}) do not state it: set retrain.heads_faces to a set that does, or "
            "leave it out"
        )
    if rendered is None or rendered is faces or faces.exact:
        return [Lesson(faces, tuple(heads))] if heads else []
    if (rendered.points, rendered.size) != (faces.points, faces.size):
        raise BadInput(
            f"retrain.heads_faces: of {rendered.points} points at {rendered.size} px, the faces "
            f"have {faces.points} at {faces.size} px; render them alike (fetch.synthetic.points)"
        )
    if rendered.crop_scale != faces.crop_scale:
        raise BadInput(
            f"retrain.heads_faces: crops of {rendered.crop_scale:g} times the face's box, the "
            f"faces' are of {faces.crop_scale:g}; render them alike (fetch.crop_scale)"
        )
    if "visibility" in heads and not rendered.scheme.has_order_of(faces.scheme):
        raise BadInput(
            f"retrain.heads_faces: its points have the order {rendered.scheme.name}, the faces' "
            f"{faces.scheme.name}: visibility is learned by point; leave it out of export.outputs"
        )
    lacking = [head for head in missing if not _states(rendered, head)]
    if lacking:
        raise BadInput(f"retrain.heads_faces: its faces do not state {lacking[0]}; render them")
    shared = [
        Lesson(faces, tuple(h for h in heads if h == OWN)),
        Lesson(rendered, tuple(h for h in heads if h != OWN)),
    ]
    return [lesson for lesson in shared if lesson.heads]


def _states(faces: FaceSet, head: str) -> bool:
    """Whether a head can be learned from what the faces state."""
    if head == "pose":
        return bool(np.isfinite(faces.pose[faces.indices("train")]).any())
    return head not in LABELS or LABELS[head] in faces.exact


def train_heads(
    net: PFLD,
    taught: Sequence[Lesson],
    params: RetrainParams,
    augment: AugmentParams | None,
    fabric: Fabric,
    shards: int | None = None,
) -> None:
    """Train `net.heads` in place; all else of the net stays as it is, to the bit.

    Faces are varied as in retraining, but neither mirrored nor covered: labels follow by index.
    """
    assert net.heads is not None
    fabric.to_device(net).eval()
    for head in net.heads.last.values():
        torch.nn.init.zeros_(cast(nn.Conv2d, head).weight)  # drawn weights are far off
    if augment is not None:
        augment = augment.model_copy(update={"mirror": 0.0, "occlude": 0.0})
    share, parameters = Shards(fabric, shards), list(net.heads.parameters())
    optimizer = adamw(parameters, lr=params.heads_lr, weight_decay=WEIGHT_DECAY)
    indices = [lesson.faces.indices("train") for lesson in taught]
    size = max(BATCH, share.number)
    steps = params.heads_epochs * sum(steps_of(len(f), size, share.number) for f in indices)
    step = 0
    for epoch in track(range(params.heads_epochs), "heads", unit="epoch"):
        for lesson, faces in zip(taught, indices, strict=True):
            for batch in batches(
                lesson.faces, faces, size, seed=params.seed, epoch=epoch, augment=augment,
                shuffle=True, part=share.part,
            ):  # fmt: skip
                set_rate(optimizer, params.heads_lr * cosine(step, steps))
                share.gradients(batch, lambda b, of=lesson: _loss(net, of, b), parameters)  # type: ignore[misc]
                optimizer.step()
                step += 1
    for lesson in taught:
        if OWN in lesson.heads:
            _calibrate(net, lesson.faces)
    say(f"heads: {', '.join(net.heads.last)} trained on the finished net")


def _loss(net: PFLD, lesson: Lesson, batch: Batch) -> Tensor:
    """Loss of a batch or shard: the sum over the lesson's heads, each a mean over faces."""
    device = next(net.parameters()).device
    with torch.no_grad():
        scales, _ = net.scales(batch.image.to(device))
        pooled = net.pooled(scales)
        landmarks = net.landmarks(pooled)
    assert net.heads is not None
    values = net.heads(scales, pooled)
    labels = _labels(lesson.faces, batch)
    labels["confidence"] = (landmarks - batch.landmarks.to(device)).norm(dim=2)
    loss = torch.zeros((), device=device)
    for name in lesson.heads:
        label = labels[name].to(device)
        known = torch.nan_to_num(label)  # a NaN would spread through the gradient
        loss = loss + WEIGHTS[name] * _mean(LOSSES[name](values[name], known), label)
    return loss


def _labels(faces: FaceSet, batch: Batch) -> dict[str, Tensor]:
    """Labels of a batch by head; a landmark outside the crop cannot be seen."""
    exact = {n: torch.from_numpy(v[batch.index.numpy()]) for n, v in faces.exact.items()}
    labels = {"pose": batch.pose} | {h: exact[key] for h, key in LABELS.items() if key in exact}
    if "visibility" in labels:
        inside = ((batch.landmarks >= 0) & (batch.landmarks <= 1)).all(dim=2)
        labels["visibility"] = (labels["visibility"] & inside).float()
    return labels


def near(values: Tensor, labels: Tensor) -> Tensor:
    """Squared below `STRICT`, then linear; elementwise."""
    return F.smooth_l1_loss(values, labels, beta=STRICT, reduction="none")


def laplace(logits: Tensor, errors: Tensor) -> Tensor:
    """Negative log-likelihood of errors, distances in units of the crop's side; elementwise.

    The density is that of `fbnet.outputs`, with scale NEAR exp(-logit); a constant is left away.
    """
    return errors / NEAR * torch.exp(logits) - 2 * logits


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "pose": near,
    "confidence": laplace,
    "visibility": partial(F.binary_cross_entropy_with_logits, reduction="none"),
    "openness": near,
}
"""Elementwise costs of a head's values and labels, both [B, n], by its name."""


def _mean(costs: Tensor, labels: Tensor) -> Tensor:
    """Mean of the costs whose label is known, not NaN; 0 where none is."""
    known = torch.isfinite(labels)
    return torch.where(known, costs, 0.0).sum() / known.sum().clamp(min=1)


@torch.no_grad()
def _calibrate(net: PFLD, faces: FaceSet) -> None:
    """Scale the confidence so that its radius holds 90 % of the errors on the validation faces.

    On the faces that it learned from the net errs less than on others.
    """
    assert net.heads is not None
    chosen, ratios = faces.indices("validation"), []
    device = next(net.parameters()).device
    for batch in batches(faces, chosen, 128, seed=0, epoch=0, shuffle=False):
        scales, _ = net.scales(batch.image.to(device))
        pooled = net.pooled(scales)
        errors = (net.landmarks(pooled) - batch.landmarks.to(device)).norm(dim=2)
        sure = net.heads(scales, pooled)["confidence"]
        ratios.append((errors / NEAR * torch.exp(sure)).cpu().numpy())
    if ratios:
        wider = float(np.nanquantile(np.concatenate(ratios), 0.9)) / HOLDS_90
        bias = cast(nn.Conv2d, net.heads.last["confidence"]).bias
        assert bias is not None
        bias -= float(np.log(max(wider, 1e-6)))
