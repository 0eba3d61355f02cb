"""What an exported file says about itself: all that is needed to use it rightly."""

import json
from collections.abc import Sequence

from fbnet.landmarks import SCHEMES


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
