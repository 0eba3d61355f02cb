"""Params of the augmentation that search and retrain share."""

from pydantic import Field

from fbnet.params.base import Section


class AugmentParams(Section):
    """How training faces are varied. Zero everywhere leaves them as they are.

    Strengths are the ends of even ranges around "no change"; chances are probabilities.
    """

    rotate: float = Field(20.0, ge=0, le=180)
    """Rotation in degrees, either way (PFLD: 30)."""
    shift: float = Field(0.07, ge=0, le=0.5)
    """Shift along each axis, as a share of the crop's side."""
    scale: float = Field(0.1, ge=0, lt=1)
    """Growth or shrinkage, as a share of the size."""
    mirror: float = Field(0.5, ge=0, le=1)
    """Chance of a left-right flip; the points change numbers with it."""
    brightness: float = Field(0.15, ge=0, le=1)
    """Brightness added or taken, as a share of white."""
    contrast: float = Field(0.2, ge=0, lt=1)
    """Contrast around middle grey gained or lost, as a share."""
    colour: float = Field(0.1, ge=0, lt=1)
    """Gain of each colour channel on its own, as a share."""
    grey: float = Field(0.1, ge=0, le=1)
    """Chance of a grey picture."""
    blur: float = Field(0.1, ge=0, le=1)
    """Chance of a Gaussian blur."""
    blur_sigma: float = Field(1.5, gt=0, le=10)
    """Strongest blur: standard deviation in pixels."""
    noise: float = Field(0.1, ge=0, le=1)
    """Chance of Gaussian noise."""
    noise_std: float = Field(12.0, gt=0, le=100)
    """Strongest noise: standard deviation in grey levels of 255."""
    jpeg: float = Field(0.05, ge=0, le=1)
    """Chance of a loss as strong JPEG compression makes it (quality 20 to 70)."""
    occlude: float = Field(0.2, ge=0, le=1)
    """Chance that rectangles hide a part of the face; the points stay."""
    occlude_side: float = Field(0.4, gt=0, le=1)
    """Longest side of such a rectangle, as a share of the crop's side."""
