"""The model of a run: its faces as a data set, its ONNX file, its card, its place in the registry.

The alias `best` goes by this rule: of all versions trained and chosen on the same faces (by the
digest of the face set) and within `mlflow.best_within_ms`, the one with the lowest validation NME;
of equals the older one. The test faces have no say.
"""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fbnet.outputs import OUTPUTS
from fbnet.params import CROP_SCALE
from stages import records
from stages.results import Results
from stages.table import COLUMNS
from stages.tracking.address import tracking_uri
from stages.tracking.stage_files import folder_digest, numbers
from stages.tracking.store import TAG, Store, pages

SERVING_NEEDS = ("mlflow", "numpy", "onnxruntime")
SERVED = Path(__file__).with_name("served.py")
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


def log_onnx(store: Store, run_id: str, results: Results) -> None:
    """Log the ONNX file as model `subnet`, on the CPU, with its signature and an input example.

    What serves it is `served`, which refuses pictures that the net was not made for.
    """
    if not results.onnx.exists():
        return
    import mlflow
    import numpy as np
    import onnx
    from mlflow.models import Model, ModelSignature
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
    mlflow.set_tracking_uri(tracking_uri())
    mlflow.set_experiment(experiment_id=store.client.get_run(run_id).info.experiment_id)
    Model.log(
        None,
        mlflow.pyfunc,
        name="subnet",
        run_id=run_id,
        python_model=str(SERVED),
        artifacts={"onnx": str(results.onnx)},
        signature=ModelSignature(schema(graph.input), schema(graph.output)),
        input_example={image.name: np.full(one_face, 0.5, np.float32)},
        pip_requirements=[f"{name}=={version(name)}" for name in SERVING_NEEDS],
    )


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


def register(store: Store, run_id: str) -> str | None:
    """Make the model of a run a version of `mlflow.model_name`, unless it is one already.

    Its card becomes the version's description, and the alias `best` is set by the rule above.
    Returns the version's number; None where the run has no model.
    """
    import mlflow

    run, name = store.client.get_run(run_id), store.settings.model_name
    models = run.outputs.model_outputs if run.outputs else []
    if not models:
        return None
    model_id = max(
        (store.client.get_logged_model(output.model_id) for output in models),
        key=lambda model: model.creation_timestamp,
    ).model_id
    of_name = f"name = '{name}'"
    versions = list(pages(store.client.search_model_versions, of_name))
    source = f"models:/{model_id}"
    version = next((entry for entry in versions if entry.source == source), None)
    if version is None:
        mlflow.set_tracking_uri(tracking_uri())
        version = mlflow.register_model(source, name)
        versions = list(pages(store.client.search_model_versions, of_name))
    store.client.update_model_version(name, version.version, run.data.tags.get(NOTE, ""))
    if best := _best(store, versions, run_id):
        store.client.set_registered_model_alias(name, BEST, best.version)
    return str(version.version)


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
        "Data": _data(meta, numbers(results, "fetch")),
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
    values = numbers(results, "retrain") | numbers(results, "export") | numbers(results, "bench")
    lines = [
        f"{title}: {form.format(values[name])}"
        for name, (title, form) in CARD_FIGURES.items()
        if name in values
    ]
    for name, value in values.items():
        if name.startswith(("nme_region.", "nme_yaw.", "nme_subset.")):
            lines.append(f"NME, {name.partition('.')[2]}: {value:.2%}")
    return lines
