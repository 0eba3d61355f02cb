"""What a unit of work costs here, and by that what large works cost: the settings."""

from collections.abc import Mapping
from typing import Any

FACES = (5_000, 20_000, 100_000)
"""How many small photographs are prepared, to see how memory grows with their number."""

SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "units": {
        "rendered": 60,
        "photographs": 120,
        "batch": 128,
        "steps": 4,
        "engine": "onnxruntime",
    },
    "processes": {"batch": 128, "seconds": 15.0},
    **{f"faces/{count}": {"faces": count, "side": 46, "size": 32} for count in FACES},
}
"""Job -> what it depends on. rendered, photographs: how many are timed; side: of the pictures;
size: of the crops."""

UNITS = {
    "render": "render a face",
    "prepare": "prepare a photograph of 640 x 480",
    "soft": "weight step, `soft`, a face",
    "few_path": "weight step, `few_path`, a face",
    "architecture": "architecture step, `soft`, a face",
    "retrain": "retraining step, a face",
    "loader": "augmentation, a face",
    "table": "latency table of NNI's space in onnxruntime",
}
"""Unit of work -> what the page calls it."""

DEFAULT = {"render": 4400, "soft": 23_040, "architecture": 3240, "retrain": 345_600}
"""Units in a run by the default params: faces rendered, and faces in the steps of each kind."""

WORKS: Mapping[str, tuple[str, Mapping[str, float]]] = {
    "render": ("render 1,000,000 faces", {"render": 1e6}),
    "prepare": ("prepare 1,000,000 photographs", {"prepare": 1e6}),
    "epoch": ("one epoch over 1,000,000 faces", {"retrain": 1e6, "loader": 1e6}),
    "devices": (
        "search for 100 devices by their tables, and train each net",
        {name: 100 * count for name, count in DEFAULT.items() if name != "render"}
        | {"loader": 100 * (DEFAULT["retrain"] + DEFAULT["soft"] + DEFAULT["architecture"])},
    ),
    "tables": ("latency tables of 100 devices, each on its own", {"table": 100}),
    "trainings": (
        "1,000 trainings from scratch",
        {"retrain": 1000 * DEFAULT["retrain"], "loader": 1000 * DEFAULT["retrain"]},
    ),
}
"""Large works: what the page calls each, and the units it needs."""
