"""Export: the trained subnet as ONNX, checked against torch and scored on test faces.

Reads results/retrain and results/fetch/faces. Leaves in results/export subnet.onnx, variants/ for
other engines and in fewer bits, variants.csv, metrics.json, details.json, errors.csv, ced.png,
faces.png and worst.png. The test faces are read here and in benchmarks only.
"""

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages import paths
from stages.runner import run_stage

if TYPE_CHECKING:
    from torch import nn

    from fbnet.faces.faceset import FaceSet
    from fbnet.params import ExportParams
    from fbnet.predict.score import Score
    from fbnet.progress import Log
    from stages.params import Params


def main(params: "Params", out: Path, log: "Log") -> str:
    """Export, check and score; nothing is written unless all of it holds."""
    from fbnet.export.onnx import counts, with_metadata
    from fbnet.faces.faceset import FaceSet
    from fbnet.files import read_json, write_bytes, write_csv, write_json
    from fbnet.predict.runtime import OnnxModel
    from fbnet.predict.score import score

    p, faces, found = params.export, FaceSet.load(paths.FACES), read_json(paths.TRAINED)
    net = _subnet(params, faces, found)
    data, difference = _checked(p, faces, net)
    model = OnnxModel(data, p.threads)
    result = score(model, faces, batch=p.batch, jitter=p.jitter, seed=p.seed)
    data = with_metadata(data, _metadata(params, faces, found, result))
    size = {"size_kb": len(data) / 1024}
    rows = _variants(p, faces, net, data, result, out / "variants")
    exported = {"variant": "onnx", "engine": "onnxruntime", "precision": "fp32", **size}
    exported |= {"parity": difference, "nme": result.figures["nme"]}
    write_bytes(out / "subnet.onnx", data)
    write_csv(out / "variants.csv", [exported, *rows])
    write_json(out / "metrics.json", result.figures | vars(counts(data)) | size)
    by_name = {"variants": {row["variant"]: _numbers(row) for row in rows}}
    write_json(out / "details.json", result.details() | {"parity": difference} | by_name)
    _write_faces(result, faces, p.pictures, out)
    return f"export: {_line(result)}, {size['size_kb']:.0f} KB, in {out}/subnet.onnx"


def _variants(
    p: "ExportParams",
    faces: "FaceSet",
    net: "nn.Module",
    data: bytes,
    result: "Score",
    folder: Path,
) -> list[dict[str, Any]]:
    """Fill `folder` with the variants that hold their tolerance; a row for each variant."""
    from fbnet.export.onnx import landmarks
    from fbnet.export.variants import Trial, calibration, publish

    exact = landmarks(net, faces.crops(faces.indices("test")[: p.parity_faces]))
    trial = Trial(faces, exact, result.figures["nme"], p.parity_tolerance, p.nme_tolerance)
    return publish(p.variants, data, trial, calibration(faces, p.calibration_faces), folder)


def _numbers(row: dict[str, Any]) -> dict[str, float]:
    """A row's finite figures: JSON has no NaN."""
    return {k: v for k, v in row.items() if isinstance(v, float) and math.isfinite(v)}


def _line(result: "Score") -> str:
    nme, floor = (result.figures[name] for name in ("nme", "mean_face_nme"))
    doubt = "" if nme < floor else "; NO BETTER than the mean face: train longer"
    faces = len(result.indices)
    return f"NME {nme:.2%} on {faces} test faces (mean face {floor:.2%}{doubt})"


def _subnet(params: "Params", faces: "FaceSet", found: Any) -> "nn.Module":
    """The trained net. Raises BadInput when it is of other faces or another architecture."""
    from fbnet.errors import BadInput
    from fbnet.nets.pfld import build_subnet
    from fbnet.training.weights import load_weights

    trained, have = (found["points"], found["size"]), (faces.points, faces.size)
    if trained != have:
        raise BadInput(
            f"{paths.TRAINED}: made for {trained[0]} points at {trained[1]} px, the faces have "
            f"{have[0]} at {have[1]} px; run search and retrain on them"
        )
    net = build_subnet(params.search_space, faces.points, found["choice"], faces.size)
    try:
        net.load_state_dict(load_weights(paths.SUBNET))
    except RuntimeError:
        raise BadInput(
            f"{paths.SUBNET}: not the weights of {paths.TRAINED}; run retrain again"
        ) from None
    return net


def _checked(p: "ExportParams", faces: "FaceSet", net: "nn.Module") -> tuple[bytes, float]:
    """The ONNX file and its largest difference from the net on real crops."""
    from fbnet.export.onnx import export_onnx, require_parity

    data = export_onnx(net, faces.size, faces.points, {}, p.opset)
    crops = faces.crops(faces.indices("test")[: p.parity_faces])
    return data, require_parity(data, net, crops, p.parity_tolerance)


def _metadata(params: "Params", faces: "FaceSet", found: Any, result: "Score") -> dict[str, str]:
    from fbnet.export.metadata import describe
    from stages.tracking.revision import code_commit

    return describe(
        size=faces.size,
        points=faces.points,
        crop_scale=params.fetch.crop_scale,
        choice=found["choice"],
        commit=code_commit(),
        nme=result.figures["nme"],
    )


def _write_faces(result: "Score", faces: "FaceSet", count: int, out: Path) -> None:
    """The error of every test face; the CED; `count` faces spread evenly, and the worst."""
    import numpy as np

    from fbnet import plots
    from fbnet.files import write_csv

    errors = result.errors
    rows = zip(result.indices, errors, result.mean_face_errors, strict=True)
    named = [{"name": faces.names[i], "nme": e, "mean_face_nme": m} for i, e, m in rows]
    write_csv(out / "errors.csv", named)
    plots.ced({"subnet": errors, "mean face": result.mean_face_errors}, out / "ced.png")
    count = min(count, len(errors))
    spread = np.linspace(0, len(errors) - 1, count).round().astype(int)
    worst = np.argsort(-errors, kind="stable")[:count]
    for name, rows_shown in (("faces", spread), ("worst", worst)):
        at = result.indices[rows_shown]
        plots.faces_with_points(
            faces.crops(at),
            faces.landmarks[at],
            out / f"{name}.png",
            result.predicted[rows_shown],
            [f"NME {errors[i]:.1%}" for i in rows_shown],
        )


if __name__ == "__main__":
    sys.exit(run_stage("export", main))
