"""The kit that the pages measure, and how its models add up to a table, as a page needs it."""

from pathlib import Path
from typing import Any

from fbnet.costs.kit.contents import FILE, Contents, read_contents
from fbnet.costs.kit.write import write_kit
from fbnet.costs.latency_model import block_shape, layer_ends
from fbnet.errors import BadInput
from fbnet.files import read_json
from fbnet.nets.pfld import slots

ENGINE = "onnxruntime"
"""The engine whose files the pages run."""


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
    BadInput for a folder that is no kit, or one without models for onnxruntime.
    """
    contents, identity = read_contents(folder)
    models = {}
    for name, model in read_json(folder / FILE)["models"].items():
        files = model["files"].get(ENGINE)
        if not files:
            raise BadInput(f"{folder}: holds no models for {ENGINE}; write it with that engine")
        models[name] = {"file": f"kit/{files[0]['path']}", "input": model["input"]}
    names = {key: name for name, key in contents.keys().items()}
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
