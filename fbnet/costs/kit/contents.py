"""What a kit holds: its models by name, and the whole nets of its table's fixed part and checks."""

import operator
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from fbnet.costs.kit.runner import ID_LENGTH
from fbnet.costs.latency_model import (
    Choice,
    block_shape,
    layer_ends,
    reference_choices,
    sampled_choices,
)
from fbnet.errors import BadInput
from fbnet.files import digest, read_json, validated
from fbnet.nets.pfld import slots
from fbnet.params import SpaceParams

FILE = "manifest.json"
FORMAT = 1
"""Raised when older readers would misread the file."""


@dataclass(frozen=True)
class Contents:
    """Which models a kit for one space and input size has."""

    space: SpaceParams
    points: int
    size: int
    references: tuple[Choice, ...]
    """Whole nets that the table's fixed part is taken from."""
    checks: tuple[Choice, ...]
    """Other whole nets, which show how well the table predicts."""

    @classmethod
    def of(cls, space: SpaceParams, points: int, size: int, checks: int, seed: int) -> "Contents":
        """For a space, with `checks` nets drawn from `seed`; fewer in a space that has no more."""
        references = tuple(reference_choices(slots(space, size)))
        drawn = dict.fromkeys(sampled_choices(space, 10 * checks, seed))
        others = [choice for choice in drawn if choice not in references]
        return cls(space, points, size, references, tuple(others[:checks]))

    @property
    def nets(self) -> tuple[Choice, ...]:
        """All whole nets, in the order of their names."""
        return self.references + self.checks

    def keys(self) -> dict[str, Hashable]:
        """Model by name: the keys of `measure.table_models`. Equal shapes have one model."""
        keys: dict[str, Hashable] = {}
        for slot in slots(self.space, self.size):
            shape = f"{slot.c_in}-{slot.c_out}-s{slot.stride}-{slot.size}"
            keys |= {f"{block}-{shape}": (block, block_shape(slot)) for block in slot.blocks}
            keys |= {
                f"base-{channels}-{side}": (channels, side) for channels, side in layer_ends(slot)
            }
        return keys | {f"net-{i}": choice for i, choice in enumerate(self.nets)}

    def record(self) -> dict[str, Any]:
        """Its part of the manifest."""
        return {
            "format": FORMAT,
            "space": self.space.model_dump(mode="json", exclude_defaults=True),
            "points": self.points,
            "size": self.size,
            "references": [list(choice) for choice in self.references],
            "checks": [list(choice) for choice in self.checks],
        }


class _Manifest(BaseModel):
    """What `Contents.record` writes, as far as it is read."""

    space: SpaceParams
    points: int = Field(ge=2)
    size: int = Field(ge=32, le=4096)
    references: list[list[str]]
    checks: list[list[str]]


def read_contents(kit: Path) -> tuple[Contents, str]:
    """The contents of the kit in a folder, and the kit's id. Raises BadInput where it is none."""
    path = kit / FILE
    if not path.is_file():
        raise BadInput(f"{kit}: no kit, it holds no {FILE}; give the folder that `fbnet kit` wrote")
    manifest = read_json(path)
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise BadInput(f"{path}: not a manifest of format {FORMAT}; write the kit again")
    known = validated(_Manifest, manifest, str(path))
    choices = {name: tuple(map(tuple, getattr(known, name))) for name in ("references", "checks")}
    contents = Contents(known.space, known.points, known.size, **choices)
    blocks = [slot.blocks for slot in slots(contents.space, contents.size)]
    for choice in contents.nets:
        if len(choice) != len(blocks) or not all(map(operator.contains, blocks, choice)):
            raise BadInput(f"{path}: {list(choice)} is no net of its space; write the kit again")
    return contents, digest(path)[:ID_LENGTH]
