"""The model card: what a model was made from and how, how good it is, and what it is not for."""

import json
from collections.abc import Mapping
from typing import Any

from fbnet.files import read_json
from stages.table import COLUMNS
from stages.tracking import results

RECIPE = {
    "search": ("cost", "mode", "beta", "epochs", "seed"),
    "retrain": ("inherit", "epochs", "min_steps", "batch", "lr", "ema", "loss", "seed"),
}
"""Params that make most of a difference; the run holds all of them."""
RENDERED = "synthetic"
USE = (
    "Input `image`: float32 [N, 3, S, S], BGR, 0..1, the square around one face's landmarks at "
    "{scale:g} times the longer side of their box. Output `landmarks`: float32 [N, P, 2], (x, y) "
    "in units of the crop. The ONNX file's metadata say the same."
)
LIMITS = (
    "It answers for any picture: whether there is a face, and where, something else has to say.",
    "Every figure is on faces of the data set above; on others `fbnet score` tells.",
    "It tells where points of a face are, not who, how old or of what mood someone is.",
)
RENDERED_LIMIT = (
    "It has seen rendered faces only, of one head model whose variety is not that of people: "
    "measure it on photographs of the people it is meant for."
)


def model_card(params: Any) -> str:
    """The card of the model in results/, as Markdown; parts whose files are missing stay away."""
    parts = {
        "Data": _data(),
        "Recipe": _recipe(params),
        "Figures": _figures(),
        "Use": [USE.format(scale=params.fetch.crop_scale)],
        "Limits": _limits(),
        "Licence": [_licence()],
    }
    body = [f"## {title}\n\n{_lines(lines)}" for title, lines in parts.items() if lines]
    return "\n\n".join([f"# {params.mlflow.model_name}: landmarks of a face", *body]) + "\n"


def _lines(lines: list[str]) -> str:
    return lines[0] if len(lines) == 1 else "\n".join(f"- {line}" for line in lines)


def _data() -> list[str]:
    counts = results.metrics("fetch")
    names = ("train", "validation", "test")
    shares = [f"{counts[name]:.0f} {name}" for name in names if name in counts]
    said = _meta()
    rows = [f"layout `{said['layout']}` ({said['source']})"] if said else []
    points = [f"{counts['points']:.0f} points"] if "points" in counts else []
    return [*rows, *points, *([f"faces: {', '.join(shares)}"] if shares else [])]


def _meta() -> dict[str, str]:
    path = results.RESULTS / "fetch" / "faces" / "meta.json"
    meta: Mapping[str, str] = read_json(path) if path.exists() else {}
    return {name: meta[name] for name in ("layout", "source") if name in meta}


def _recipe(params: Any) -> list[str]:
    path = results.RESULTS / "retrain" / "architecture.json"
    chosen = [f"blocks: {', '.join(read_json(path)['choice'])}"] if path.exists() else []
    return [*chosen, *(f"{section}: {_stated(params, section)}" for section in RECIPE)]


def _stated(params: Any, section: str) -> str:
    values = getattr(params, section)
    return ", ".join(f"{name} {json.dumps(getattr(values, name))}" for name in RECIPE[section])


def _figures() -> list[str]:
    found = results.metrics("retrain") | results.metrics("export") | results.metrics("bench")
    forms = COLUMNS | {
        "retrain_val_nme": ("validation NME, by which it was chosen", "{:.2%}"),
        "mean_face_nme": ("NME of the mean face on the same faces", "{:.2%}"),
    }
    by_part = [(n, v) for n, v in found.items() if n.startswith(("nme_region.", "nme_yaw."))]
    return [
        *(f"{title}: {form.format(found[n])}" for n, (title, form) in forms.items() if n in found),
        *(f"NME, {name.partition('.')[2]}: {value:.2%}" for name, value in by_part),
    ]


def _limits() -> list[str]:
    return [*LIMITS, *([RENDERED_LIMIT] if _is_rendered() else [])]


def _is_rendered() -> bool:
    return _meta().get("layout") == RENDERED


def _licence() -> str:
    if _is_rendered():
        return "MIT, like the code; it was trained on faces rendered from a CC0 head."
    return "The code is MIT; what the weights may be used for, the licence of the faces says."
