"""Export: the trained subnet as ONNX, checked against torch and scored on the test faces.

Reads results/retrain and results/fetch/faces. Leaves in results/export subnet.onnx, variants/ for
other engines and in fewer bits, variants.csv, metrics.json, details.json, errors.csv, ced.png,
faces.png and worst.png. The test faces are read here, shown by `report`, and decide nothing.
"""

import math
from functools import partial
from typing import TYPE_CHECKING, Any

from fbnet.engines import EXPORTED, FULL
from stages.results import Results
from stages.runner import run_stage

if TYPE_CHECKING:
    from torch import nn

    from fbnet.faces.faceset import FaceSet
    from fbnet.predict.score import Score
    from fbnet.progress import Log
    from stages.params import Params


def main(params: "Params", results: Results, log: "Log") -> str:
    """Export, check and score; nothing is written unless all of it holds."""
    from fbnet.export.onnx import counts, export_onnx, own_outputs, require_parity, with_metadata
    from fbnet.export.variants import Trial, calibration, publish
    from fbnet.faces.faceset import FaceSet
    from fbnet.files import write_bytes, write_csv, write_json
    from fbnet.outputs import LANDMARKS
    from fbnet.predict.interface import describe
    from fbnet.predict.model import OnnxModel
    from fbnet.predict.score import score
    from stages.revision import code_commit

    p, faces = params.export, FaceSet.load(results.require(results.faces))
    trained = results.architecture(results.trained)
    net = _subnet(params, results, faces, trained)
    describe_file = partial(
        describe,
        size=faces.size,
        scheme=faces.scheme,
        crop_scale=faces.crop_scale,
        choice=trained["choice"],
        commit=code_commit(),
        outputs=p.outputs,
    )
    stated = describe_file()
    data = export_onnx(net, faces.size, faces.points, stated, p.opset, p.outputs, p.dynamic_batch)
    crops = faces.crops(faces.indices("test")[: p.parity_faces])
    parity = require_parity(data, net, crops, p.parity_tolerance, p.outputs)
    model = OnnxModel(data, threads=p.threads)
    result = score(model, faces, batch=p.batch, jitter=p.jitter, seed=p.seed)
    nme = result.figures["nme"]
    data = with_metadata(data, describe_file(nme=nme))

    # Other engines and fewer bits; those that fail their tolerance are left out.
    exact = own_outputs(net, crops, p.outputs)
    trial = Trial(
        faces, exact.pop(LANDMARKS), nme, p.parity_tolerance, p.nme_tolerance, heads=exact
    )
    inputs = calibration(faces, p.calibration_faces)
    variants = publish(p.variants, data, trial, inputs, results.variants)
    size = {"size_kb": len(data) / 1024}
    exported = {"variant": EXPORTED, "engine": EXPORTED, "precision": FULL, **size}
    exported |= {"parity": parity, "nme": nme}
    by_variant = {row["variant"]: _finite(row) for row in variants}

    write_bytes(results.onnx, data)
    write_csv(results.variant_table, [exported, *variants])
    write_json(results.metrics("export"), result.figures | vars(counts(data)) | size)
    details = result.details() | {"parity": parity, "variants": by_variant}
    write_json(results.details("export"), details)
    _write_faces(result, faces, p.pictures, results)

    floor = result.figures["mean_face_nme"]
    doubt = "" if nme < floor else "; NO BETTER than the mean face: train longer"
    return (
        f"NME {nme:.2%} on {len(result.indices)} test faces (mean face {floor:.2%}{doubt}), "
        f"{size['size_kb']:.0f} KB, in {results.onnx}"
    )


def _subnet(
    params: "Params", results: Results, faces: "FaceSet", trained: dict[str, Any]
) -> "nn.Module":
    """The trained net. Raises BadInput when it is of other faces or another architecture."""
    from fbnet.errors import BadInput
    from fbnet.nets.pfld import build_subnet
    from fbnet.training.checkpoints import load_weights

    if (trained["points"], trained["size"]) != (faces.points, faces.size):
        raise BadInput(
            f"{results.trained}: of {trained['points']} points at {trained['size']} px, the faces "
            f"have {faces.points} at {faces.size} px; run search and retrain on them"
        )
    missing = [head for head in params.export.heads if head not in trained["heads"]]
    if missing:
        raise BadInput(f"{results.trained}: has no head for {missing[0]}; run retrain again")
    net = build_subnet(
        params.search_space, faces.points, trained["choice"], faces.size, heads=trained["heads"]
    )
    try:
        net.load_state_dict(load_weights(results.require(results.subnet)))
    except RuntimeError:
        raise BadInput(
            f"{results.subnet}: not the weights of {results.trained}; run retrain again"
        ) from None
    return net


def _finite(row: dict[str, Any]) -> dict[str, float]:
    """A row's finite figures: JSON has no NaN."""
    return {k: v for k, v in row.items() if isinstance(v, float) and math.isfinite(v)}


def _write_faces(result: "Score", faces: "FaceSet", count: int, results: Results) -> None:
    """The error of every test face; the CED; `count` faces spread evenly, and the worst."""
    from fbnet import plots
    from fbnet.files import write_csv
    from fbnet.metrics import spread_and_worst

    errors = result.errors
    columns = zip(result.indices, errors, result.mean_face_errors, strict=True)
    rows = [{"name": faces.names[i], "nme": e, "mean_face_nme": m} for i, e, m in columns]
    write_csv(results.errors, rows)
    ced = results.picture("export", "ced")
    plots.ced({"subnet": errors, "mean face": result.mean_face_errors}, ced)
    spread, worst = spread_and_worst(errors, count, count)
    for name, shown in (("faces", spread), ("worst", worst)):
        plots.faces_with_points(
            faces.crops(result.indices[shown]),
            faces.landmarks[result.indices[shown]],
            results.picture("export", name),
            result.predicted[shown],
            [f"NME {errors[i]:.1%}" for i in shown],
        )


if __name__ == "__main__":
    run_stage("export", main)
