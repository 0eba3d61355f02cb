"""Landmark models in ONNX files, this project's own and those of any other origin."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from fbnet.engines.onnxruntime import inference_session
from fbnet.errors import BadInput
from fbnet.files import read_bytes
from fbnet.landmarks import LAPA_TO_NNI, SCHEMES, Scheme
from fbnet.outputs import LANDMARKS, OUTPUTS
from fbnet.params import CROP_SCALE
from fbnet.predict.interface import (
    OURS,
    Interface,
    stated,
    stated_heads,
    stated_scheme,
    to_input,
    to_landmarks,
)

COLOURS = 3
COLOUR_AXIS = {"NCHW": 1, "NHWC": 3}
INPUT_TYPES: dict[str, type[np.generic]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
}
"""Types of input that a model may take, by onnxruntime's names. Pixels as uint8 are 0..255."""
PROBED = 2
"""Faces by which it is tried whether a model of an open batch takes several at a time."""
LARGEST_MODEL = 2**31
"""Bytes that an ONNX file may have: what protobuf takes."""
QUIET = 4
"""Severity from which on onnxruntime logs while a model is tried: fatal errors alone."""


class OnnxModel:
    """A landmark model in onnxruntime, on the CPU.

    size: side S of its input in pixels. points: landmarks P. scheme: their order. metadata: the
    file's own, by key.
    crop_scale: side of the crops it was trained on in units of the longer side of the landmarks'
    box, as its metadata states it. interface: as declared, completed by metadata and shapes. heads:
    what it gives beside landmarks, names of `fbnet.outputs.HEADS`.
    """

    def __init__(
        self,
        source: str | Path | bytes,
        interface: Interface = OURS,
        size: int = 112,
        threads: int = 1,
        scheme: Scheme | None = None,
    ) -> None:
        """Open a file or its bytes. Equal `threads` give equal bits on one machine.

        interface: what a model of another origin takes and gives; one of this project needs none.
        size: used where the file leaves the side of its input open. scheme: an order of landmarks
        that is known beside `SCHEMES`, where neither file nor interface states one. Raises BadInput
        when there is no such file, it is no ONNX file, or it disagrees with what was declared.
        """
        what = "the ONNX model" if isinstance(source, bytes) else str(source)
        self._what = what
        try:
            data = source if isinstance(source, bytes) else read_bytes(source, LARGEST_MODEL)
            self._session = inference_session(data, threads)
            self.metadata: dict[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)
            self.crop_scale: float = stated(self.metadata).get("crop_scale", CROP_SCALE)
            own = interface.own_scheme or stated_scheme(self.metadata)
            declared = interface.filled(self.metadata)
        except BadInput as error:
            raise BadInput(f"{what}: {str(error).removeprefix(f'{what}: ')}") from None
        inputs = self._session.get_inputs()
        if len(inputs) != 1 or len(inputs[0].shape) != 4 or inputs[0].type not in INPUT_TYPES:
            taken = ", ".join(f"{item.name} {item.type} {item.shape}" for item in inputs)
            raise BadInput(
                f"{what}: takes {taken}; give a model of one picture [N,C,H,W] of "
                f"{', '.join(INPUT_TYPES)}"
            )
        self._input, shape = inputs[0].name, inputs[0].shape
        self._dtype = INPUT_TYPES[inputs[0].type]
        self._batch = shape[0] if isinstance(shape[0], int) else None
        if self._dtype is np.uint8 and (interface.scale or interface.mean or interface.std):
            raise BadInput(f"{what}: takes pixels as uint8; they have no other scale, mean or std")

        self.interface = replace(declared, layout=_layout(what, shape, declared.layout))
        self.size = _side(what, shape, COLOUR_AXIS[self.interface.layout or ""], size)
        also = {} if scheme is None else {scheme.points: scheme}
        schemes = {own.points: own} if own else SCHEMES | also
        self._output, self.points = self._landmark_output(what, [*schemes])
        self.scheme: Scheme = schemes[self.points]
        given = {item.name: tuple(item.shape[1:]) for item in self._session.get_outputs()}
        self.heads: tuple[str, ...] = tuple(
            name
            for name in stated_heads(self.metadata)
            if given.get(name) == OUTPUTS[name].shape(self.points)
        )
        if self.interface.order == "lapa" and self.points != len(LAPA_TO_NNI):
            raise BadInput(f"{what}: gives {self.points} points; LaPa's order is for 106")

    def predict(self, crops: np.ndarray, batch: int = 64) -> np.ndarray:
        """Landmarks float32 [n, P, 2] in units of the crop, for crops uint8 BGR [n, S, S, 3].

        At most `batch` faces go in at a time, or as many as the file is made for: one where its
        batch is open but its inside is not. Raises BadInput for crops of another shape or type,
        and when the model gives NaN or infinity.
        """
        (values,) = self._run(crops, batch, [self._output])
        return to_landmarks(values, self.interface, self.size, self.points)

    def outputs(self, crops: np.ndarray, batch: int = 64) -> dict[str, np.ndarray]:
        """Landmarks as by `predict`, and what the heads give, float32 [n, k] by name."""
        values, *others = self._run(crops, batch, [self._output, *self.heads])
        landmarks = to_landmarks(values, self.interface, self.size, self.points)
        return {LANDMARKS: landmarks, **dict(zip(self.heads, others, strict=True))}

    def _run(self, crops: np.ndarray, batch: int, names: list[str]) -> list[np.ndarray]:
        """The outputs of these names [n, k], in batches; raises as `predict` does."""
        if crops.dtype != np.uint8 or crops.shape[1:] != (self.size, self.size, COLOURS):
            raise BadInput(
                f"crops are {crops.dtype} {list(crops.shape)}; "
                f"the model takes uint8 [n,{self.size},{self.size},{COLOURS}]"
            )
        step = self._batch or batch
        parts = [self._values(crops[at : at + step], names) for at in range(0, len(crops), step)]
        if not parts:
            return [np.empty((0, 2 * self.points)) for _ in names]
        return [np.concatenate(values) for values in zip(*parts, strict=True)]

    def _values(self, crops: np.ndarray, names: list[str]) -> list[np.ndarray]:
        """The outputs of these names, [n, k].

        A file that is made for a number of faces gets that many.
        """
        count, missing = len(crops), (self._batch or len(crops)) - len(crops)
        if missing:
            crops = np.concatenate([crops, np.zeros((missing, *crops.shape[1:]), np.uint8)])
        feed = {self._input: to_input(crops, self.interface, self._dtype)}
        several = self._session.run(names, feed)
        for name, values in zip(names, several, strict=True):
            if not np.isfinite(values).all():
                shown = LANDMARKS if name == self._output else name
                raise BadInput(f"{self._what}: gives NaN or infinite {shown}; export it anew")
        return [values.reshape(len(crops), -1)[:count] for values in several]

    def _landmark_output(self, what: str, known: Sequence[int]) -> tuple[str, int]:
        """Name and points of the output with two or three values for each of `known` points.

        Black pictures are shown to the model, since the shapes that files state may be open, and
        may be wrong: one that fails with several, or mixes them, gets one at a time.
        """
        if self._batch is None:
            try:
                return _fitting(
                    what, self._shapes(what, PROBED), PROBED, self.interface.output, known
                )
            except BadInput:
                self._batch = 1
        shapes = self._shapes(what, self._batch)
        return _fitting(what, shapes, self._batch, self.interface.output, known)

    def _shapes(self, what: str, faces: int) -> dict[str, tuple[int, ...]]:
        """Shapes of the outputs for so many black pictures. Raises BadInput when they fail."""
        from onnxruntime import RunOptions

        options, side = RunOptions(), self.size
        options.log_severity_level = QUIET
        pictures = np.zeros((faces, side, side, COLOURS), np.uint8)
        feed = {self._input: to_input(pictures, self.interface, self._dtype)}
        try:
            outputs = self._session.run(None, feed, options)
        except Exception as error:  # onnxruntime's own exceptions share no base but this
            reason = str(error).splitlines()[0]
            raise BadInput(
                f"{what}: does not run on {self.interface.layout} pictures of {side} px ({reason})"
            ) from None
        names = [item.name for item in self._session.get_outputs()]
        return {name: np.shape(value) for name, value in zip(names, outputs, strict=True)}


def _layout(what: str, shape: Sequence[Any], declared: str | None) -> str:
    """Where the colours stand: as declared, or the one axis that has three."""
    places = [name for name, axis in COLOUR_AXIS.items() if shape[axis] == COLOURS]
    if declared is None and len(places) != 1:
        raise BadInput(f"{what}: takes {shape}; say with --layout whether that is NCHW or NHWC")
    layout = declared or places[0]
    colours = shape[COLOUR_AXIS[layout]]
    if isinstance(colours, int) and colours != COLOURS:
        raise BadInput(f"{what}: takes {shape}; as {layout} that has {colours} colours, not 3")
    return layout


def _side(what: str, shape: Sequence[Any], colour_axis: int, size: int) -> int:
    """The side of the square input in pixels; `size` where the file leaves it open."""
    sides = [side for axis, side in enumerate(shape) if axis not in (0, colour_axis)]
    fixed = {side for side in sides if isinstance(side, int)} or {size}
    if len(fixed) != 1:
        raise BadInput(f"{what}: takes {shape}; crops are square")
    return fixed.pop()


def _fitting(
    what: str,
    shapes: Mapping[str, tuple[int, ...]],
    faces: int,
    declared: str | None,
    known: Sequence[int],
) -> tuple[str, int]:
    """Name and points of the output that holds landmarks; BadInput unless it is exactly one."""
    given = ", ".join(f"{name} {list(shape)}" for name, shape in shapes.items())
    if declared not in (None, *shapes):
        raise BadInput(f"{what}: has no output {declared!r}; it gives {given}")
    points = {axes * points: points for points in known for axes in (2, 3)}
    fitting = {}
    for name, shape in shapes.items():
        # One face's output may lack the axis of the batch: [2 P], or points by coordinates.
        alone = faces == 1 and (len(shape) == 1 or (len(shape) == 2 and min(shape) in (2, 3)))
        inner = shape if alone else shape[1:] if shape[:1] == (faces,) else (0,)
        if declared in (None, name) and prod(inner) in points:
            fitting[name] = points[prod(inner)]
    if not fitting:
        numbers = ", ".join(map(str, known))
        raise BadInput(
            f"{what}: gives {given}; landmarks are two or three values for each of {numbers} "
            "points; describe others with --scheme"
        )
    if len(fitting) > 1:
        raise BadInput(f"{what}: gives {given}; say with --output which one holds the landmarks")
    return next(iter(fitting.items()))
