"""Landmark models of any origin in onnxruntime, as their user declares them."""

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from fbnet.errors import BadInput
from fbnet.landmarks import LAPA_TO_NNI, SCHEMES
from fbnet.predict.conversion import to_landmarks, to_values
from fbnet.predict.interface import Interface
from fbnet.predict.runtime import open_session

COLOURS = 3
COLOUR_AXIS = {"NCHW": 1, "NHWC": 3}


class ForeignModel:
    """An ONNX landmark model behind a declared `Interface`; one of this project's needs none.

    size: side of its input in pixels; points: landmarks it gives. `size` is used where the file
    leaves the side open. Raises BadInput where file and declaration disagree.
    """

    def __init__(
        self, source: str | Path, interface: Interface | None = None, size: int = 112
    ) -> None:
        what = str(source)
        self._session = open_session(source, 1, what)
        metadata = self._session.get_modelmeta().custom_metadata_map
        declared = (interface or Interface()).filled(metadata)
        image = _only_input(self._session, what)
        self._input, shape = image.name, image.shape
        self.interface = replace(declared, layout=_layout(what, shape, declared.layout))
        self.size = _side(what, shape, COLOUR_AXIS[self.interface.layout or ""], size)
        self._fixed = shape[0] if isinstance(shape[0], int) else None
        self._output, self.points = self._landmarks(what)
        if self.interface.order == "lapa" and self.points != len(LAPA_TO_NNI):
            raise BadInput(f"{what}: gives {self.points} points; LaPa's order is for 106")

    def predict(self, images: np.ndarray, batch: int = 64) -> np.ndarray:
        """Landmarks float32 [n,P,2] in units of the crop, for crops uint8 BGR [n,size,size,3].

        As many faces go in at a time as the file is made for; `batch` where it takes any number.
        """
        step = self._fixed or batch
        parts = [self._answer(images[at : at + step], step) for at in range(0, len(images), step)]
        values = np.concatenate(parts) if parts else np.empty((0, 2 * self.points))
        return to_landmarks(values, self.interface, self.size)

    def _answer(self, images: np.ndarray, step: int) -> np.ndarray:
        """Values [n,2P]; a file made for a number of faces gets a full last batch too."""
        n = len(images)
        if self._fixed and n < step:
            images = np.concatenate([images, np.zeros((step - n, *images.shape[1:]), np.uint8)])
        return self._run(images)[self._output].reshape(len(images), -1)[:n]

    def _run(self, images: np.ndarray) -> dict[str, np.ndarray]:
        names = [item.name for item in self._session.get_outputs()]
        found = self._session.run(None, {self._input: to_values(images, self.interface)})
        return dict(zip(names, found, strict=True))

    def _landmarks(self, what: str) -> tuple[str, int]:
        """The output with two values for each point of a known scheme, and its points.

        A black picture is shown to the model, since the shapes that files state may be open.
        """
        faces, side = self._fixed or 1, self.size
        try:
            found = self._run(np.zeros((faces, side, side, COLOURS), np.uint8))
        except Exception as error:  # onnxruntime's own exceptions share no base but this
            reason = str(error).splitlines()[0]
            raise BadInput(
                f"{what}: does not run on {self.interface.layout} pictures of {side} px ({reason})"
            ) from None
        return _chosen(what, {name: v.shape for name, v in found.items()}, faces, self.interface)


def _only_input(session: Any, what: str) -> Any:
    inputs = session.get_inputs()
    if len(inputs) != 1 or len(inputs[0].shape) != 4 or inputs[0].type != "tensor(float)":
        found = ", ".join(f"{item.name} {item.type} {item.shape}" for item in inputs)
        raise BadInput(f"{what}: takes {found}; give a model of one float picture [N,C,H,W]")
    return inputs[0]


def _layout(what: str, shape: Sequence[Any], declared: str | None) -> str:
    """Where the colours stand: as declared, or the one place where there are three."""
    places = [name for name, axis in COLOUR_AXIS.items() if shape[axis] == COLOURS]
    if declared is None and len(places) != 1:
        raise BadInput(f"{what}: takes {shape}; say with --layout whether that is NCHW or NHWC")
    layout = declared or places[0]
    colours = shape[COLOUR_AXIS[layout]]
    if isinstance(colours, int) and colours != COLOURS:
        raise BadInput(f"{what}: takes {shape}; as {layout} that has {colours} colours, not 3")
    return layout


def _side(what: str, shape: Sequence[Any], colours: int, size: int) -> int:
    sides = [side for axis, side in enumerate(shape) if axis not in (0, colours)]
    fixed = {side for side in sides if isinstance(side, int)} or {size}
    if len(fixed) != 1:
        raise BadInput(f"{what}: takes {shape}; crops are square")
    return fixed.pop()


def _chosen(
    what: str, shapes: dict[str, tuple[int, ...]], faces: int, interface: Interface
) -> tuple[str, int]:
    """Name and points of the output that holds landmarks; BadInput unless it is exactly one."""
    given = ", ".join(f"{name} {list(shape)}" for name, shape in shapes.items())
    wanted = [interface.output] if interface.output else list(shapes)
    if interface.output not in (None, *shapes):
        raise BadInput(f"{what}: has no output {interface.output!r}; it gives {given}")
    fitting = {name: points for name in wanted if (points := _points(shapes[name], faces))}
    if not fitting:
        known = ", ".join(map(str, SCHEMES))
        raise BadInput(
            f"{what}: gives {given}; landmarks are two values for each of {known} points"
        )
    if len(fitting) > 1:
        raise BadInput(f"{what}: gives {given}; say with --output which one holds the landmarks")
    return next(iter(fitting.items()))


def _points(shape: tuple[int, ...], faces: int) -> int:
    """Points of an output of this shape; 0 when it cannot be landmarks of a known scheme."""
    values = prod(shape[1:]) if shape and shape[0] == faces else 0
    return next((points for points in SCHEMES if 2 * points == values), 0)
