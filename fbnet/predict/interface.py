"""What a landmark model takes and gives: stated in its file or declared by its user.

A file of this project states it in its metadata (`describe` writes that, `stated` reads it); for
any other model the user declares an `Interface`. `to_input` and `to_landmarks` convert between
this project's crops and landmarks and the values of the model.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

import numpy as np

from fbnet.errors import BadInput
from fbnet.files import read_json, validated
from fbnet.landmarks import LAPA_TO_NNI, SCHEMES, Scheme, convert
from fbnet.outputs import HEADS, OUTPUTS

LAYOUTS = ("NCHW", "NHWC")
CHANNELS = ("BGR", "RGB")
SCALES = {"0..1": (0.0, 1.0), "signed": (0.5, 0.5), "0..255": (0.0, 1 / 255)}
"""Mean and deviation by which pixels 0..1 become the values that a model takes."""
ARRANGEMENTS = ("xy", "x_then_y")
UNITS = ("crop", "pixels", "signed")
ORDERS = ("own", "lapa")


def _option(text: str, *choices: str) -> Any:
    return field(default=None, metadata={"help": text} | ({"choices": choices} if choices else {}))


@dataclass(frozen=True)
class Interface:
    """A model's declared input and output; None is what its metadata, or else this project, says.

    Each field is an option of `fbnet score`, with its metadata. Raises BadInput where declarations
    are wrong or contradict each other.
    """

    layout: str | None = _option("input layout (default: as its shape tells)", *LAYOUTS)
    channels: str | None = _option("order of the input's colours (default: BGR)", *CHANNELS)
    scale: str | None = _option(
        "range of the input's values (default: 0..1; signed: -1..1)", *SCALES
    )
    mean: str | None = _option("taken from pixels 0..1: one number, or three in the model's order")
    std: str | None = _option("what is then divided by: one number or three")
    output: str | None = _option(
        "name of the output with the landmarks (default: the one that fits)"
    )
    arrangement: str | None = _option("x and y by point (default), or all x first", *ARRANGEMENTS)
    unit: str | None = _option(
        "share of the crop's side (default), its pixels, or -1 and 1 at its edges (signed)", *UNITS
    )
    order: str | None = _option("order of 106 points: NNI's (default) or LaPa's", *ORDERS)
    scheme: str | None = _option(
        "points of one's own: JSON of fetch.scheme's keys, such as "
        '{"points": 5, "eyes": [0, 1]}, or a file that holds it'
    )

    def __post_init__(self) -> None:
        """Check the declarations that no list of choices holds."""
        if self.scale and (self.mean or self.std):
            raise BadInput("scale and mean or std say the same thing; give one of them")
        if not all(self.normalisation[1]):
            raise BadInput(f"std {self.std}: nothing can be divided by 0")

    @property
    def normalisation(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and deviation of pixels 0..1: one number each, or three in the model's order."""
        mean, std = SCALES[self.scale or "0..1"]
        return _numbers("mean", self.mean, mean), _numbers("std", self.std, std)

    @property
    def own_scheme(self) -> Scheme | None:
        """The scheme that `scheme` describes, whose mirror may be empty; None for none."""
        if self.scheme is None:
            return None
        from fbnet.faces.schemes import scheme_of
        from fbnet.params import SchemeParams

        inline = self.scheme.lstrip().startswith("{")
        try:
            value = json.loads(self.scheme) if inline else read_json(self.scheme)
        except (ValueError, RecursionError) as error:
            raise BadInput(f"scheme: not valid JSON ({error})") from None
        described = validated(SchemeParams, value, "scheme" if inline else self.scheme)
        return scheme_of(described.points, described)

    def filled(self, metadata: Mapping[str, str]) -> "Interface":
        """A copy that takes what metadata of this project states where nothing was declared."""
        known = stated(metadata)
        if self.mean or self.std:
            known.pop("scale", None)
        return Interface(
            **{f.name: getattr(self, f.name) or known.get(f.name) for f in fields(self)}
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


OURS = Interface()
"""What this project's own nets take and give: NCHW, BGR, 0..1; (x, y) in units of the crop."""


def to_input(
    crops: np.ndarray, interface: Interface = OURS, dtype: type[np.generic] = np.float32
) -> np.ndarray:
    """Crops uint8 BGR [n, S, S, 3] as the model takes them: its type, layout, colours and scale.

    Of this project's own nets that is float32 [n, 3, S, S], BGR, 0..1. Where `dtype` is uint8 the
    pixels stay as they are.
    """
    values = crops[..., ::-1] if interface.channels == "RGB" else crops
    if dtype is not np.uint8:
        mean, std = (np.array(part, np.float32) for part in interface.normalisation)
        values = (values.astype(np.float32) / np.float32(255) - mean) / std
    if interface.layout != "NHWC":
        values = values.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(values, dtype)


def to_landmarks(
    values: np.ndarray, interface: Interface, size: int, points: int | None = None
) -> np.ndarray:
    """Landmarks float32 [n, P, 2] in units of the crop, in the order of the scheme of P points.

    values: [n, 2 * P], the model's output, or [n, 3 * P] with z, which is left away. size: side of
    its input in pixels, for `unit: pixels`. points: P; half of the values where it is not given.
    """
    values = np.asarray(values, np.float32)
    count = points or values.shape[1] // 2
    axes = values.shape[1] // count
    if interface.arrangement == "x_then_y":
        places = values.reshape(len(values), axes, count).transpose(0, 2, 1)[..., :2]
    else:
        places = values.reshape(len(values), count, axes)[..., :2]
    if interface.order == "lapa":
        places = convert(places, LAPA_TO_NNI)
    if interface.unit == "pixels":
        return places / np.float32(size)
    return (places + np.float32(1)) / 2 if interface.unit == "signed" else places


def describe(
    *,
    size: int,
    scheme: Scheme,
    crop_scale: float,
    choice: Sequence[str],
    commit: str | None = None,
    nme: float | None = None,
    outputs: Sequence[str] = (),
) -> dict[str, str]:
    """Metadata of an exported landmark model: all that is needed to use it. Structures are JSON.

    size: side of its input in pixels. scheme: order of the landmarks; one that is none of the known
    ones is described whole. crop_scale: side of the face crop in units of the longer side of the
    landmarks' box. choice: block of each searchable layer. commit: that of the code. nme: on the
    test faces, a fraction. Both are left out where they are None. outputs: names of `fbnet.outputs`
    that the file gives; those beside landmarks are described.
    """
    preprocessing = {
        "channels": "BGR",
        "size": size,
        "divide_by": 255,
        "crop_scale": crop_scale,
        "crop": f"square, centred on the landmarks' box, {crop_scale:g} x its longer side",
    }
    landmarks = {
        "points": scheme.points,
        "order": scheme.name,
        "eye_corners": scheme.eyes,
        "unit": "side of the crop, (x, y); 0 and 1 are its edges",
    }
    if scheme not in SCHEMES.values():
        landmarks["scheme"] = asdict(scheme)
    meanings = {name: OUTPUTS[name].meaning for name in outputs if name in HEADS}
    known = {
        "preprocessing": json.dumps(preprocessing),
        "landmarks": json.dumps(landmarks),
        "architecture": json.dumps(list(choice)),
        "commit": commit,
        "test_nme": None if nme is None else f"{nme:.6g}",
        "outputs": json.dumps(meanings) if meanings else None,
    }
    return {key: value for key, value in known.items() if value is not None}


@dataclass
class _Preprocessing:
    """What `describe` writes under `preprocessing`, as far as models of this project differ."""

    channels: Literal["BGR", "RGB"]
    divide_by: Literal[255]
    crop_scale: float


def stated(metadata: Mapping[str, str]) -> dict[str, Any]:
    """What `describe` wrote, as far as models of this project differ; empty for other files.

    channels and scale are values of `Interface`; crop_scale is as in `describe`. Raises BadInput
    for metadata of this form with values that cannot be.
    """
    try:
        preprocessing = json.loads(metadata["preprocessing"])
    except (KeyError, ValueError, RecursionError):
        return {}
    if not isinstance(preprocessing, dict) or "crop_scale" not in preprocessing:
        return {}  # another tool's
    known = validated(_Preprocessing, preprocessing, "metadata, preprocessing")
    if not 1 <= known.crop_scale <= 3:
        raise BadInput(f"metadata, preprocessing: crop_scale is {known.crop_scale}: give 1 to 3")
    return {"channels": known.channels, "scale": "0..1", "crop_scale": known.crop_scale}


@dataclass
class _Landmarks:
    """What `describe` writes under `landmarks` of a scheme that is none of the known ones."""

    scheme: Scheme


def stated_scheme(metadata: Mapping[str, str]) -> Scheme | None:
    """The scheme that `describe` wrote, whole or by its name; None for another tool's file.

    Raises BadInput for metadata of this form with values that cannot be.
    """
    try:
        landmarks = json.loads(metadata["landmarks"])
    except (KeyError, ValueError, RecursionError):
        return None
    if not isinstance(landmarks, dict):
        return None
    if "scheme" not in landmarks:
        named = landmarks.get("points"), landmarks.get("order")
        return next((s for s in SCHEMES.values() if (s.points, s.name) == named), None)
    where = "metadata, landmarks"
    scheme = validated(_Landmarks, landmarks, where).scheme
    numbers = {*scheme.eyes, *scheme.mirror, *(p for part in scheme.regions.values() for p in part)}
    if not numbers <= set(range(scheme.points)) or len(scheme.mirror) != scheme.points:
        raise BadInput(f"{where}: the scheme names points beyond its {scheme.points}")
    return scheme


def stated_heads(metadata: Mapping[str, str]) -> list[str]:
    """The outputs beside landmarks that `describe` wrote; none for other files."""
    try:
        meanings = json.loads(metadata["outputs"])
    except (KeyError, ValueError, RecursionError):
        return []
    return [name for name in HEADS if isinstance(meanings, dict) and name in meanings]
