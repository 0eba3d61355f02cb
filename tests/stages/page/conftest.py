"""Results as the stages leave them, small: eight test faces, two layers, two epochs."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from fbnet.files import read_json, write_csv, write_json
from stages.results import Results

OPS = (("sep_k3", "mb_k3_res"), ("gh_k3", "mb_k3"))
CHOICE = ["mb_k3_res", "gh_k3"]


@pytest.fixture(scope="session")
def landmark_model(faces):
    """An ONNX file that predicts the mean face, moved a little by the picture's colour."""
    size, points = faces.size, faces.points
    mean = faces.landmarks.mean(axis=0).reshape(1, -1)
    constants = {
        "weights": np.full((3, 2 * points), 0.01, np.float32),
        "mean": mean.astype(np.float32),
        "shape": np.array([-1, points, 2]),
    }
    nodes = [
        helper.make_node("ReduceMean", ["image"], ["colour"], axes=[2, 3], keepdims=0),
        helper.make_node("Gemm", ["colour", "weights", "mean"], ["flat"]),
        helper.make_node("Reshape", ["flat", "shape"], ["landmarks"]),
    ]
    graph = helper.make_graph(
        nodes,
        "mean_face",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, size, size])],
        [helper.make_tensor_value_info("landmarks", TensorProto.FLOAT, ["N", points, 2])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    opset = helper.make_opsetid("", 13)
    return helper.make_model(graph, opset_imports=[opset], ir_version=8).SerializeToString()


@pytest.fixture
def results(tmp_path, faces, landmark_model):
    """Result files of every stage that the report reads."""
    results = Results(tmp_path / "results")
    faces.save(results.faces)
    test = faces.indices("test")
    counts = {"points": 68, "train": 44, "validation": 8, "test": len(test)}
    for stage, figures in {
        "fetch": counts,
        "search": {"search_entropy": 0.5},
        "export": {
            "nme": 0.0625, "mean_face_nme": 0.25, "params": 1234, "macs": 56789, "size_kb": 7.5,
            "fr_08": 0.25, "fr_10": 0.125, "auc_08": 0.5, "auc_10": 0.6,
        },
        "bench": {"latency_ms": 0.375, "latency_predicted_ms": 0.25, "prediction_mape": 0.125},
    }.items():  # fmt: skip
        write_json(results.metrics(stage), figures)
    parts = {"nme_region": {"eyes": 0.03}, "nme_yaw": {"yaw_0_15": 0.0425}}
    write_json(results.details("export"), parts)
    write_json(results.trained, {"choice": CHOICE, "points": 68, "size": 32})
    for cost, key, fixed in (("macs", "macs", 5000), ("latency", "median", 0.2)):
        write_json(results.lut(cost), table(key, fixed))
    history = [{"epoch": e, "loss": 9.0 / e, "val_nme": 0.3 / e} for e in (1, 2)]
    for stage in ("search", "retrain"):
        write_csv(results.history(stage), history)
    rows = [
        {"epoch": e, "layer": i, "block": block, "probability": 0.5 + 0.1 * (e - 1) * (1 - 2 * k)}
        for e in (1, 2)
        for i, ops in enumerate(OPS)
        for k, block in enumerate(ops)
    ]
    write_csv(results.probabilities, rows)
    errors = [
        {"name": faces.names[i], "nme": 0.01 * (k + 1), "mean_face_nme": 0.2}
        for k, i in enumerate(test)
    ]
    write_csv(results.errors, errors)
    nets = [{"predicted_ms": 0.25, "median": 0.375}, {"predicted_ms": 0.5, "median": 0.45}]
    nets = [net | {"choice": read_json(results.trained)["choice"]} for net in nets]
    write_json(results.latencies, {"nets": nets, "cpu": "This CPU"})
    files = [
        {"variant": "onnx", "engine": "onnxruntime", "precision": "fp32", "latency_ms": 0.375},
        {"variant": "mnn_int8", "engine": "mnn", "precision": "int8", "latency_ms": 0.75},
    ]
    shared = {"size_kb": 7.5, "nme": 0.0625}
    rows = [row | shared | {"ratio": row["latency_ms"] / 0.375} for row in files]
    write_csv(results.timed_variants, rows)
    results.onnx.write_bytes(landmark_model)
    return results


def table(key, fixed):
    """A LUT whose costs are under `key`."""
    layers = [
        {
            "c_in": 16, "c_out": 32, "size": 14, "stride": 2,
            "blocks": {b: {key: (k + 1) * fixed / 10, "params": 7} for k, b in enumerate(ops)},
        }
        for ops in OPS
    ]  # fmt: skip
    return {"points": 68, "size": 32, "layers": layers, "fixed": {key: fixed, "params": 70}}
