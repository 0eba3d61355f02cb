"""The kit that the pages measure, and how its models add up to a table, as a page needs it."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel

from fbnet.costs.kit.contents import FILE, Contents, read_contents
from fbnet.costs.kit.write import write_kit
from fbnet.costs.latency_model import block_shape, layer_ends
from fbnet.errors import BadInput
from fbnet.files import read_json, validated
from fbnet.nets.pfld import slots

ENGINE = "onnxruntime"
"""The engine whose files the pages run."""


class _File(BaseModel):
    path: str


class _Model(BaseModel):
    input: list[int]
    files: dict[str, list[_File]]


class _Models(BaseModel):
    """The part of a kit's manifest that names its models."""

    models: dict[str, _Model]


def kit_for(contents: Contents, seed: int, known: Path, new: Path) -> Path:
    """A kit of these contents: the one in `known` where it is one, else written to `new`."""
    if (known / FILE).is_file() and read_contents(known)[0] == contents:
        return known
    write_kit(new, contents, [ENGINE], seed)
    return new


def kit_of(folder: Path) -> dict[str, Any]:
    """What the page of measurement needs of a kit.

    models: file and input shape by name. layers: for each searchable layer, the block's model and
    its two neighbours' by block. references, checks: model and blocks of whole nets. Raises
    BadInput for a folder that is no whole kit, or one without models for onnxruntime.
    """
    contents, identity = read_contents(folder)
    stated = validated(_Models, read_json(folder / FILE), str(folder / FILE)).models
    names = {key: name for name, key in contents.keys().items()}
    models = {}
    for name in names.values():
        if name not in stated:
            raise BadInput(f"{folder / FILE}: states no model {name}; write the kit again")
        files = stated[name].files.get(ENGINE)
        if not files:
            raise BadInput(f"{folder}: holds no models for {ENGINE}; write it with that engine")
        if not (folder / files[0].path).is_file():
            raise BadInput(f"{folder / files[0].path}: no such file; copy the kit whole")
        models[name] = {"file": f"kit/{files[0].path}", "input": stated[name].input}
    layers = [
        {
            block: [names[block, block_shape(slot)], *(names[end] for end in layer_ends(slot))]
            for block in slot.blocks
        }
        for slot in slots(contents.space, contents.size)
    ]
    nets = {
        part: [{"model": names[choice], "choice": list(choice)} for choice in choices]
        for part, choices in (("references", contents.references), ("checks", contents.checks))
    }
    return {"id": identity, "models": models, "layers": layers, **nets}
