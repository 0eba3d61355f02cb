"""Landmarks from an ONNX file by onnxruntime, on the CPU."""

from pathlib import Path
from typing import Any

import numpy as np

from fbnet.engines.onnxruntime import open_session as session_of
from fbnet.errors import BadInput


def to_input(images: np.ndarray) -> np.ndarray:
    """Crops uint8 BGR [n, S, S, 3] as the net takes them: float32 [n, 3, S, S] in 0..1."""
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2), np.float32) / np.float32(255)


class OnnxModel:
    """A landmark net in onnxruntime.

    size: side of its input in pixels; points: landmarks it gives; metadata: what the file says.
    """

    def __init__(self, source: str | Path | bytes, threads: int = 1) -> None:
        """Open a file or its bytes. Equal `threads` give equal bits on one machine.

        Raises BadInput when it is no ONNX file or not one of this project's.
        """
        what = "the ONNX model" if isinstance(source, bytes) else str(source)
        self._session = open_session(source, threads, what)
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        shapes = [list(item.shape) for item in (*inputs, *outputs)]
        match shapes:
            case [[_, 3, int(height), int(width)], [_, int(points), 2]] if height == width:
                self.size, self.points = height, points
            case _:
                raise BadInput(
                    f"{what}: takes and gives {shapes}, not [N,3,S,S] and [N,P,2]; "
                    "take a file of the export stage"
                )
        self._input = inputs[0].name
        self.metadata = dict(self._session.get_modelmeta().custom_metadata_map)

    def predict(self, images: np.ndarray, batch: int = 64) -> np.ndarray:
        """Landmarks float32 [n, P, 2] in units of the crop.

        images: uint8 BGR crops [n, S, S, 3], or float32 [n, 3, S, S] in 0..1.
        """
        self._check(images)
        parts = [self._run(images[at : at + batch]) for at in range(0, len(images), batch)]
        return np.concatenate(parts) if parts else np.empty((0, self.points, 2), np.float32)

    def _run(self, images: np.ndarray) -> np.ndarray:
        ready = to_input(images) if images.dtype == np.uint8 else images
        landmarks: np.ndarray = self._session.run(None, {self._input: ready})[0]
        return landmarks

    def _check(self, images: np.ndarray) -> None:
        side = self.size
        wanted = {"uint8": (side, side, 3), "float32": (3, side, side)}
        if images.shape[1:] != wanted.get(str(images.dtype)):
            raise BadInput(
                f"crops are {images.dtype} {list(images.shape)}; the model takes uint8 "
                f"[n,{side},{side},3] or float32 [n,3,{side},{side}]"
            )


def open_session(source: str | Path | bytes, threads: int, what: str) -> Any:
    """An onnxruntime session of a file or its bytes, on the CPU.

    Raises BadInput, calling the source `what`, when it is missing or no ONNX file.
    """
    try:
        return session_of(
            source if isinstance(source, bytes) else Path(source).read_bytes(), threads
        )
    except FileNotFoundError:
        raise BadInput(f"{what}: no such file") from None
    except BadInput as error:
        raise BadInput(f"{what}: {error}") from None
