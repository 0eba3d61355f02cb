"""Where stages leave what other stages read."""

import os
from pathlib import Path

FACES = Path("results/fetch/faces")
SEARCHED = Path("results/search/architecture.json")
SUPERNET = Path("results/search/supernet.safetensors")
TRAINED = Path("results/retrain/architecture.json")
SUBNET = Path("results/retrain/subnet.safetensors")
EXPORTED = Path("results/export/subnet.onnx")
VARIANTS = Path("results/export/variants")
VARIANT_TABLE = Path("results/export/variants.csv")


def lut(cost: str) -> Path:
    """The cost table, `macs` or `latency`."""
    return Path(f"results/lut/{cost}.json")


def checkpoints() -> Path:
    """Folder of unfinished runs; in the main checkout also for experiments run in copies of it."""
    return Path(os.environ.get("DVC_ROOT", ".")) / ".checkpoints"
