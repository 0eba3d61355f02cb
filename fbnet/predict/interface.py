"""What a landmark model of any origin takes and gives, as its user declares it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from fbnet.errors import BadInput

LAYOUTS = ("NCHW", "NHWC")
CHANNELS = ("BGR", "RGB")
SCALES = {"0..1": (0.0, 1.0), "signed": (0.5, 0.5), "0..255": (0.0, 1 / 255)}
"""Mean and deviation by which pixels 0..1 become the values that a model takes."""
ARRANGEMENTS = ("xy", "x_then_y")
UNITS = ("crop", "pixels", "signed")
ORDERS = ("own", "lapa")


def _flag(text: str, *choices: str) -> Any:
    return field(default=None, metadata={"help": text} | ({"choices": choices} if choices else {}))


@dataclass(frozen=True)
class Interface:
    """A model's declared input and output; None is what its metadata, or else this project, says.

    Each field is an option of `fbnet score`, with its metadata. `fbnet.predict.conversion` goes by
    them. Raises BadInput where declarations are wrong or contradict each other.
    """

    layout: str | None = _flag("input layout (default: as its shape tells)", *LAYOUTS)
    channels: str | None = _flag("order of the input's colours (default: BGR)", *CHANNELS)
    scale: str | None = _flag("range of the input's values (default: 0..1; signed: -1..1)", *SCALES)
    mean: str | None = _flag("taken from pixels 0..1: one number, or three in the model's order")
    std: str | None = _flag("what is then divided by: one number or three")
    output: str | None = _flag("name of the output with the landmarks (default: the one that fits)")
    arrangement: str | None = _flag("x and y by point (default), or all x first", *ARRANGEMENTS)
    unit: str | None = _flag(
        "share of the crop's side (default), its pixels, or -1 and 1 at its edges (signed)", *UNITS
    )
    order: str | None = _flag("order of 106 points: NNI's (default) or LaPa's", *ORDERS)

    def __post_init__(self) -> None:
        """Check the declarations that no list of choices holds."""
        if self.scale and (self.mean or self.std):
            raise BadInput("scale and mean or std say the same thing; give one of them")
        if not all(self.normalisation[1]):
            raise BadInput(f"std {self.std}: nothing can be divided by 0")

    @property
    def normalisation(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and deviation of pixels 0..1: one number each or three."""
        mean, std = SCALES[self.scale or "0..1"]
        return _numbers("mean", self.mean, mean), _numbers("std", self.std, std)

    def filled(self, metadata: Mapping[str, str]) -> "Interface":
        """With what a file of this project says about itself where nothing was declared."""
        told = _told(metadata)
        if self.mean or self.std:
            told.pop("scale", None)
        return Interface(
            **{f.name: getattr(self, f.name) or told.get(f.name) for f in fields(self)}
        )


def _numbers(name: str, text: str | None, default: float) -> tuple[float, ...]:
    if text is None:
        return (default,)
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    if len(values) not in (1, 3) or not all(abs(value) < float("inf") for value in values):
        raise BadInput(f"{name} {text}: give one number or three, such as 0.485,0.456,0.406")
    return values


def _told(metadata: Mapping[str, str]) -> dict[str, str]:
    """What `fbnet.export.metadata.describe` wrote, as far as models of this project differ."""
    try:
        told = json.loads(metadata.get("preprocessing", "{}"))
        found = {"channels": told["channels"], "scale": {255: "0..1"}[told["divide_by"]]}
    except (KeyError, TypeError, ValueError):  # no such metadata, or another tool's
        return {}
    return found
