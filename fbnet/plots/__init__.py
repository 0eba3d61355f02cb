"""Figures as PNG: quiet, legible at page width; equal data give equal bytes."""

from fbnet.plots.charts import ced, heatmap, history, prediction, probabilities
from fbnet.plots.faces import faces_with_points, preview, suspicious

__all__ = [
    "ced",
    "faces_with_points",
    "heatmap",
    "history",
    "prediction",
    "preview",
    "probabilities",
    "suspicious",
]
