"""Params of the `fetch` stage."""

from typing import Literal

from pydantic import Field

from fbnet.params.base import Section
from fbnet.params.synthetic import SyntheticParams

LayoutName = Literal["auto", "seed", "lapa", "ibug", "wflw", "synthetic"]


class FetchParams(Section):
    """From pictures on disk, or a head to render, to face crops with landmarks and pose."""

    root: str = "data"
    """Folder of the data set, absolute or relative to the project."""
    layout: LayoutName = "auto"
    """How the folder is laid out; `auto` looks for the marker files of each layout."""
    size: int = Field(112, ge=32, le=512)
    """Side of a face crop in pixels."""
    margin: int = Field(24, ge=0, le=256)
    """Pixels kept around the crop, so that rotation and shift show the real picture.

    A `seed` data set is cropped already and has none.
    """
    crop_scale: float = Field(1.2, ge=1.0, le=3.0)
    """Side of the crop in units of the longer side of the landmarks' box (seed: 1.2)."""
    pose: Literal["compute", "keep"] = "compute"
    """compute: head pose from the landmarks; keep: the angles of list.txt where it has them.

    Published angles are often wrong by tens of degrees. Rendered faces always keep their pose,
    which is exact.
    """
    on_bad: Literal["fail", "skip"] = "fail"
    """A broken picture or label ends the stage, or is left out and listed."""
    group: Literal["name", "file"] = "name"
    """name: pictures whose names differ in a last _NUMBER only are one photograph and stay in one
    split; file: each picture is another photograph."""
    seed: int = Field(1, ge=0)
    """Draws of the split."""
    test_share: float = Field(0.2, gt=0, lt=1)
    """Share of the photographs kept for test, where the data set names no test part."""
    validation_share: float = Field(0.1, gt=0, lt=1)
    """Share of the training photographs kept for validation, where the data set names none."""
    workers: int = Field(2, ge=1, le=256)
    """Threads that decode pictures, processes that render faces. No result depends on it."""
    limit: int | None = Field(None, ge=3)
    """Use no more than this many photographs of a data set, for a trial. Not for rendered faces."""
    synthetic: SyntheticParams = SyntheticParams()
    """What is rendered where the folder holds a head instead of photographs."""
