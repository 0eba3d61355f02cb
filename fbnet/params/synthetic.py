"""Params of the rendered faces, `fetch.synthetic`."""

from typing import Literal

from pydantic import Field, model_validator

from fbnet.params.base import Section


class SyntheticParams(Section):
    """How many faces are rendered, and how varied they are. Shares are probabilities, 0 to 1."""

    train: int = Field(2400, ge=2)
    """Faces of the training part (validation is split from it)."""
    test: int = Field(400, ge=0)
    """Faces of the test part; other people than in training."""
    pictures_per_person: int = Field(1, ge=1)
    """Pictures of one person, one after the other; must divide `train`."""
    seed: int = Field(0, ge=0)
    """Every draw hangs on it and on the picture's number, on nothing else."""
    points: Literal[68, 106] = 106
    """Landmarks of a label: 106 (NNI, InsightFace) or 68 (300W)."""
    supersampling: int = Field(2, ge=1, le=4)
    """Samples along each side of a pixel; 1 is coarse and fast."""
    yaw_max: float = Field(60.0, ge=0, le=70)
    """Largest turn to the left or right, degrees."""
    pitch_max: float = Field(30.0, ge=0, le=40)
    """Largest nod up or down, degrees."""
    roll_max: float = Field(30.0, ge=0, le=60)
    """Largest tilt, degrees."""
    yaw_even: float = Field(0.4, ge=0, le=1)
    """Share of faces whose yaw is drawn evenly over the range; the rest gather in front."""
    expression: float = Field(1.0, ge=0, le=1)
    """Strength of the expressions; 0 leaves every face at rest."""
    identity: float = Field(0.85, ge=0, le=1.5)
    """Strength of the shape differences between people."""
    crop_jitter: float = Field(0.05, ge=0, le=0.12)
    """Shift and scale of the crop, as a share of its side; training adds its own."""
    glasses: float = Field(0.2, ge=0, le=1)
    """Share with glasses."""
    sunglasses: float = Field(0.25, ge=0, le=1)
    """Share of the glasses that are dark."""
    masks: float = Field(0.05, ge=0, le=1)
    """Share with a cloth mask over nose and mouth."""
    hats: float = Field(0.12, ge=0, le=1)
    """Share with a beanie or a cap."""
    fringe: float = Field(0.35, ge=0, le=1)
    """Share of the haired heads whose hair falls over the forehead."""
    beards: float = Field(0.35, ge=0, le=1)
    """Share of the grown men with stubble or a beard."""
    makeup: float = Field(0.35, ge=0, le=1)
    """Share of the grown women with coloured lips or lids."""
    hands: float = Field(0.06, ge=0, le=1)
    """Share with a hand before the face."""
    objects: float = Field(0.06, ge=0, le=1)
    """Share with some object before the face."""
    blur: float = Field(0.25, ge=0, le=1)
    """Share out of focus."""
    low_resolution: float = Field(0.15, ge=0, le=1)
    """Share enlarged from fewer pixels."""
    grey: float = Field(0.08, ge=0, le=1)
    """Share without colour."""
    noise: float = Field(0.02, ge=0, le=0.2)
    """Largest standard deviation of the sensor's noise, as a share of white."""
    jpeg: float = Field(0.6, ge=0, le=1)
    """Share that went through JPEG, quality 40 to 95."""

    @model_validator(mode="after")
    def _whole_people(self) -> "SyntheticParams":
        if self.train % self.pictures_per_person:
            raise ValueError(
                f"train ({self.train}) must be a multiple of pictures_per_person "
                f"({self.pictures_per_person}), or one person is in train and test"
            )
        return self
