"""Turns NNI's published checkpoints into weights, architecture and, of a subnet, ONNX.

NNI keeps them as `supernet/checkpoint_best.pth` and `subnet/checkpoint_best.pth` (NNI v2.6,
examples/nas/oneshot/pfld). Reading them executes nothing.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor

from fbnet.errors import BadInput
from fbnet.export.onnx import export_onnx
from fbnet.files import write_bytes, write_json
from fbnet.landmarks import SCHEMES
from fbnet.nets.nni_checkpoint import NniCheckpoint, read_nni_checkpoint
from fbnet.nets.pfld import build_auxnet, build_subnet, check_choice, slots
from fbnet.params import SpaceParams
from fbnet.predict.interface import describe
from fbnet.search.supernet import build_supernet
from fbnet.training.checkpoints import load_into, save_weights

SIZE = 112
"""Side of NNI's crops in pixels."""
CROP_SCALE = 1.2
"""Side of NNI's crops in units of the longer side of the landmarks' box."""
SUPERNET, SUBNET, ONNX = "supernet.safetensors", "subnet.safetensors", "subnet.onnx"
ARCHITECTURE = "architecture.json"


def convert(
    checkpoint: Path,
    space: SpaceParams,
    name: str,
    out: Path,
    *,
    choice: Sequence[str] = (),
    supernet: Path | None = None,
) -> list[Path]:
    """Write the checkpoint's net into the folder `out`; returns the paths of the files.

    space, name: that of the supernet, and its name. A supernet becomes supernet.safetensors (keys
    `net.*` and, of the pose net, `pose.*`) and architecture.json with its sampled architecture, as
    a search leaves them. A subnet becomes subnet.safetensors, architecture.json and subnet.onnx.
    NNI's file of a subnet does not name its blocks: `choice` does, or the `supernet` that it was
    sampled from, or else the shapes of its weights. Raises BadInput where they leave a doubt, and
    where weights and architecture do not fit together.
    """
    nni = read_nni_checkpoint(checkpoint, space)
    if nni.alphas:
        return _convert_supernet(nni, checkpoint, space, name, out, choice)
    if supernet and not choice:
        choice = read_nni_checkpoint(supernet, space).choice
    choice = choice or _choice_of(nni.backbone, space, checkpoint)
    check_choice(space, choice)
    points = _points(nni.backbone, checkpoint)
    net = build_subnet(space, points, choice, SIZE)
    load_into(net, nni.backbone, f"{checkpoint} as {' '.join(choice)}")
    metadata = describe(size=SIZE, scheme=SCHEMES[points], crop_scale=CROP_SCALE, choice=choice)
    data = export_onnx(net, SIZE, points, metadata)
    save_weights(out / SUBNET, net.state_dict())
    write_json(out / ARCHITECTURE, _architecture(name, points, choice))
    write_bytes(out / ONNX, data)
    return [out / SUBNET, out / ARCHITECTURE, out / ONNX]


def _convert_supernet(
    nni: NniCheckpoint,
    checkpoint: Path,
    space: SpaceParams,
    name: str,
    out: Path,
    choice: Sequence[str],
) -> list[Path]:
    likeliest = tuple(
        ops[int(alpha.argmax())] for ops, alpha in zip(space.layer_ops, nni.alphas, strict=True)
    )
    choice = choice or nni.choice or likeliest
    check_choice(space, choice)
    points = _points(nni.backbone, checkpoint)
    net, pose_net = build_supernet(space, points, SIZE), build_auxnet(SIZE, space=space)
    load_into(net, nni.backbone, str(checkpoint))
    load_into(pose_net, nni.auxnet, f"{checkpoint}, pose net")
    weights = {f"net.{key}": value for key, value in net.state_dict().items()}
    weights |= {f"pose.{key}": value for key, value in pose_net.state_dict().items()}
    save_weights(out / SUPERNET, weights)
    record = _architecture(name, points, choice) | {"candidates": [list(choice)]}
    write_json(out / ARCHITECTURE, record)
    return [out / SUPERNET, out / ARCHITECTURE]


def _architecture(name: str, points: int, choice: Sequence[str]) -> dict[str, object]:
    return {"space": name, "points": points, "size": SIZE, "choice": list(choice)}


def _points(weights: Mapping[str, Tensor], checkpoint: Path) -> int:
    """Landmarks of the net: half the outputs of its last layer. Raises BadInput for no scheme's."""
    if "fc.weight" not in weights:
        raise BadInput(f"{checkpoint}: no weights of a PFLD; missing: fc.weight")
    points = len(weights["fc.weight"]) // 2
    if points not in SCHEMES:
        known = ", ".join(map(str, SCHEMES))
        raise BadInput(f"{checkpoint}: gives {points} points; known are {known}")
    return points


def _choice_of(
    weights: Mapping[str, Tensor], space: SpaceParams, checkpoint: Path
) -> tuple[str, ...]:
    """The one block of each layer whose weights have these names and shapes."""
    choice = []
    for layer, slot in enumerate(slots(space, SIZE)):
        prefix = f"layers.{layer}."
        shapes = {
            key.removeprefix(prefix): value.shape
            for key, value in weights.items()
            if key.startswith(prefix)
        }
        fitting = [
            name
            for name in slot.blocks
            if {k: v.shape for k, v in slot.build(name).state_dict().items()} == shapes
        ]
        if len(fitting) != 1:
            blocks = f"{', '.join(fitting)} fit alike" if fitting else "no block of the space fits"
            raise BadInput(
                f"{checkpoint}: layer {layer}: {blocks}; give the architecture (--choice), or the "
                "supernet's checkpoint (--supernet)"
            )
        choice += fitting
    return tuple(choice)
