"""What an exported file says about itself: all that is needed to use it rightly."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

from fbnet.landmarks import SCHEMES

CODE = ("fbnet", "stages")
"""What makes the model; commits of other files (docs, dvc.lock) do not change it."""


def describe(
    *, size: int, points: int, crop_scale: float, choice: Sequence[str], commit: str, nme: float
) -> dict[str, str]:
    """Metadata of a landmark model; structured values are JSON.

    crop_scale: side of the face crop in units of the longer side of the landmarks' box. choice:
    block of each searchable layer. nme: on the test faces, a fraction.
    """
    preprocessing = {
        "channels": "BGR",
        "size": size,
        "divide_by": 255,
        "crop_scale": crop_scale,
        "crop": f"square, centred on the landmarks' box, {crop_scale:g} x its longer side",
    }
    landmarks = {
        "points": points,
        "order": SCHEMES[points].name,
        "eye_corners": SCHEMES[points].eyes,
        "unit": "side of the crop, (x, y); 0 and 1 are its edges",
    }
    return {
        "preprocessing": json.dumps(preprocessing),
        "landmarks": json.dumps(landmarks),
        "architecture": json.dumps(list(choice)),
        "commit": commit,
        "test_nme": f"{nme:.6g}",
    }


def code_commit(root: str | Path = ".") -> str:
    """The last commit that touched the code, with "-dirty" when there are uncommitted changes.

    Not HEAD: committing dvc.lock or a text after a run must not change the model's bytes, or a
    clone could never reproduce them. "unknown" outside a git repository.
    """
    try:
        commit = _git(root, "log", "-1", "--format=%H", "--", *CODE)
        dirty = _git(root, "status", "--porcelain", "--", *CODE)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{commit or 'unknown'}-dirty" if dirty else commit or "unknown"


def _git(root: str | Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
