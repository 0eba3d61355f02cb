"""The two things a run holds beside numbers: the faces as a data set, the ONNX file as a model."""

import json
from importlib.metadata import version
from typing import Any

from stages.tracking.place import tracking_uri
from stages.tracking.results import RESULTS, folder_digest
from stages.tracking.store import Store

FACES = RESULTS / "fetch" / "faces"
MODEL = RESULTS / "export" / "subnet.onnx"
SERVING_NEEDS = ("mlflow", "numpy", "onnx", "onnxruntime")


def log_faces(store: Store, run_id: str, stage: str) -> None:
    """After `fetch`: note the face set as the run's input, by the digest it has in dvc.lock."""
    if stage != "fetch" or not FACES.is_dir():
        return
    from mlflow.entities import Dataset, DatasetInput, InputTag

    source = json.dumps({"uri": FACES.as_posix()})
    faces = Dataset("faces", folder_digest(FACES), "local", source)
    context = InputTag("mlflow.data.context", "training")
    store.client.log_inputs(run_id, [DatasetInput(faces, [context])])


def log_onnx(store: Store, run_id: str, stage: str) -> None:
    """After `export`: log the ONNX file as model `subnet`, on the CPU, with its signature."""
    if stage != "export" or not MODEL.exists():
        return
    import mlflow
    import mlflow.onnx
    import onnx

    mlflow.set_tracking_uri(tracking_uri())
    mlflow.set_experiment(experiment_id=store.client.get_run(run_id).info.experiment_id)
    settings = store.settings
    proto = onnx.load(MODEL)
    mlflow.onnx.log_model(
        proto,
        name="subnet",
        run_id=run_id,
        signature=_signature(proto),
        input_example=_example(proto),
        onnx_execution_providers=["CPUExecutionProvider"],
        save_as_external_data=False,
        pip_requirements=[f"{name}=={version(name)}" for name in SERVING_NEEDS],
        registered_model_name=settings.model_name if settings.register_model else None,
    )


def _signature(proto: Any) -> Any:
    from mlflow.models import ModelSignature
    from mlflow.types import Schema

    return ModelSignature(
        Schema([_tensor(value) for value in proto.graph.input]),
        Schema([_tensor(value) for value in proto.graph.output]),
    )


def _tensor(value: Any) -> Any:
    import numpy as np
    from mlflow.types import TensorSpec

    # A dimension by name (the batch) has no value: -1 is MLflow's "any".
    shape = tuple(d.dim_value or -1 for d in value.type.tensor_type.shape.dim)
    return TensorSpec(np.dtype("float32"), shape, value.name)


def _example(proto: Any) -> dict[str, Any]:
    import numpy as np

    value = proto.graph.input[0]
    shape = [d.dim_value or 1 for d in value.type.tensor_type.shape.dim]
    return {value.name: np.full(shape, 0.5, np.float32)}
