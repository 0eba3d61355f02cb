"""The figures that stages leave as PNG: quiet, legible at page width, byte-stable."""

from fbnet.plots.charts import ced, heatmap, history, prediction, probabilities
from fbnet.plots.faces import faces_with_points
from fbnet.plots.preview import preview

__all__ = [
    "ced",
    "faces_with_points",
    "heatmap",
    "history",
    "prediction",
    "preview",
    "probabilities",
]
