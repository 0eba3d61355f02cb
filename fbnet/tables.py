"""What names in params stand for: one table a concept, and nothing needs torch to read them.

To add one of a kind, write it in a file of its own and add its line here; a program of your own
calls `register` instead. Engines have more to say of themselves: their table is `fbnet.engines`.
"""

import difflib
import functools
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from fbnet.errors import BadInput
from fbnet.registry import Registry

if TYPE_CHECKING:
    import torch
    from torch import nn

    from fbnet.faces.readers.base import Reader
    from fbnet.nets.baselines import Baseline
    from fbnet.predict.detect import Detector
    from fbnet.training.losses import LandmarkLoss

Builder = Callable[..., "nn.Module"]
"""(c_in, c_out, stride 1 or 2, side of the input map in pixels, **fields and flags) -> block."""

LIMITS = {"kernel": range(1, 12, 2), "expand": range(1, 13), "dilation": range(1, 5)}
"""Values that the fields of a block's name may have."""

NNI_BLOCKS = (
    "skip",
    "conv1x1",
    "depth_conv",
    "sep_k3",
    "sep_k5",
    "gh_k3",
    "gh_k5",
    "mb_k3",
    "mb_k3_e2",
    "mb_k3_e4",
    "mb_k3_res",
    "mb_k3_e2_res",
    "mb_k3_e4_res",
    "mb_k3_d2",
    "mb_k3_d3",
    "mb_k3_res_d2",
    "mb_k3_res_d3",
    "mb_k3_res_se",
    "mb_k3_e2_res_se",
    "mb_k3_e4_res_se",
    "mb_k5",
    "mb_k5_e2",
    "mb_k5_res",
    "mb_k5_e2_res",
    "mb_k5_res_se",
    "mb_k5_e2_res_se",
)
"""The blocks of NNI's PFLD example (NNI v2.6, pfld/lib/ops.py)."""


class BlockTable:
    """Builders of candidate blocks, as a table of the forms by which their names are parsed.

    A form is a name with fields in braces and optional parts in brackets: `mb_k3` and
    `mb_k5_e6_res` are of the form `mb_k{kernel}[_e{expand}][_res]`. A field is a whole number,
    within `LIMITS` if it is listed there; an optional part without a field is a flag. The builder
    takes (c_in, c_out, stride, size) and, as keywords, those fields and flags that the name has:
    kernel=5, expand=6, res=True.
    """

    def __init__(self, forms: Mapping[str, Builder | str], example: str) -> None:
        """`forms`: form -> builder or "module:attribute"; `example` is a name, for messages."""
        self._builders = Registry[Builder]("form of a block", forms)
        self._example = example

    def register(self, form: str, builder: Builder | str) -> None:
        """Add a form, which may be a plain name. Raises ValueError for one that is taken."""
        if any(_pattern(known).fullmatch(form) for known in self._builders):
            raise ValueError(f"block {form!r} exists already; choose another name")
        self._builders.register(form, builder)

    def check(self, name: str) -> str:
        """`name`, if a block has it; for validators. Raises BadInput that lists the forms."""
        self._parse(name)
        return name

    def __getitem__(self, name: str) -> Callable[[int, int, int, int], "nn.Module"]:
        """The block's builder: (c_in, c_out, stride, side of the input map in pixels) -> block."""
        form, arguments = self._parse(name)
        return functools.partial(self._builders[form], **arguments)

    def _parse(self, name: str) -> tuple[str, dict[str, int | bool]]:
        """The form that `name` has, and its fields and flags."""
        for form in self._builders:
            if match := _pattern(form).fullmatch(name):
                return form, _arguments(name, match.groupdict())
        plain = [form for form in self._builders if form.isidentifier()]
        close = difflib.get_close_matches(name, [*plain, *NNI_BLOCKS], n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise BadInput(
            f"unknown block {name!r}; {hint}forms of names: {', '.join(self._builders)}; "
            f"example: {self._example}"
        )


def _arguments(name: str, groups: Mapping[str, str | None]) -> dict[str, int | bool]:
    """Numbers of the fields and True for the flags that `name` has. Raises BadInput by `LIMITS`."""
    arguments: dict[str, int | bool] = {}
    for key, text in groups.items():
        if text is None:
            continue
        arguments[key] = int(text) if text.isdigit() else True
        if key in LIMITS and arguments[key] not in LIMITS[key]:
            allowed = ", ".join(map(str, LIMITS[key]))
            raise BadInput(f"block {name!r}: {key} {text}; take one of {allowed}")
    return arguments


@functools.cache
def _pattern(form: str) -> re.Pattern[str]:
    flags = re.sub(r"\[_(\w+)\]", r"(?P<\1>_\1)?", form)
    parts = flags.replace("[", "(?:").replace("]", ")?")
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>0|[1-9][0-9]*)", parts))


BLOCKS = BlockTable(
    {
        "skip": "fbnet.nets.blocks:skip",
        "conv1x1": "fbnet.nets.blocks:conv1x1",
        "depth_conv": "fbnet.nets.blocks:depth_conv",
        "sep_k{kernel}": "fbnet.nets.blocks:sep",
        "gh_k{kernel}": "fbnet.nets.blocks:gh",
        "mb_k{kernel}[_e{expand}][_res][_d{dilation}][_se]": "fbnet.nets.blocks:mb",
    },
    example="mb_k7_e6_res_se",
)
"""Candidate blocks of a search space; `BLOCKS.register` adds one from outside."""

BASELINES: Registry[Callable[[int, int], "Baseline"]] = Registry(
    "baseline",
    {
        "lite": "fbnet.nets.baselines:lite",
        "mobilenetv3": "fbnet.nets.baselines:mobilenetv3",
        "mobilenetv3_small": "fbnet.nets.baselines:mobilenetv3_small",
    },
)
"""Public nets: (landmarks, side of the square input in pixels) -> net; see `build_baseline`."""

READERS: Registry["Reader"] = Registry(
    "layout",
    {
        "nni": "fbnet.faces.readers.nni:READER",
        "lapa": "fbnet.faces.readers.lapa:READER",
        "ibug": "fbnet.faces.readers.ibug:READER",
        "wflw": "fbnet.faces.readers.wflw:READER",
        "synthetic": "fbnet.faces.readers.synthetic:READER",
        "dlib": "fbnet.faces.readers.annotations:DLIB",
        "cvat": "fbnet.faces.readers.annotations:CVAT",
        "coco": "fbnet.faces.readers.annotations:COCO",
        "labelme": "fbnet.faces.readers.annotations:LABELME",
    },
)
"""The known layouts by the name that `fetch.layout` takes."""

AUTO = "auto"
"""The layout that leaves it to `fbnet.faces.readers.recognise`."""

LOSSES: Registry["LandmarkLoss"] = Registry(
    "loss",
    {
        "l2": "fbnet.training.losses:L2",
        "wing": "fbnet.training.losses:WING",
        "smooth_wing": "fbnet.training.losses:SMOOTH_WING",
        "soft_wing": "fbnet.training.losses:SOFT_WING",
        "pose_l2": "fbnet.training.losses:POSE_L2",
        "pose_wing": "fbnet.training.losses:POSE_WING",
        "pose_smooth_wing": "fbnet.training.losses:POSE_SMOOTH_WING",
    },
)
"""Landmark losses. Those called `pose_` train the auxiliary pose net too; NNI's is `pose_l2`."""

OPTIMIZERS: Registry["Callable[..., torch.optim.Optimizer]"] = Registry(
    "optimizer",
    {
        "adamw": "fbnet.training.optim:adamw",
        "rmsprop": "fbnet.training.optim:rmsprop",
    },
)
"""Builders of an optimiser: (parameters, lr, weight_decay) -> torch.optim.Optimizer."""

DETECTORS: Registry["Callable[[], Detector]"] = Registry(
    "face detector",
    {
        "mtcnn": "fbnet.predict.mtcnn:Mtcnn",
        "yunet": "fbnet.predict.yunet:YuNet",
    },
)
"""Builders of face detectors for whole photographs: () -> `fbnet.predict.detect.Detector`."""
