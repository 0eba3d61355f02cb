"""fbnet-pfld: from face images to the fastest accurate landmark model for your device."""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.2.0"

if TYPE_CHECKING:
    from fbnet.predict.landmarker import Face, Landmarker

__all__ = ["Face", "Landmarker", "__version__"]


def __getattr__(name: str) -> object:
    """`Landmarker` and `Face`, imported when they are asked for: `import fbnet` stays light."""
    if name not in ("Face", "Landmarker"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("fbnet.predict.landmarker"), name)
