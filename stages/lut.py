"""Lut: what every block costs in every searchable layer, in MACs and in milliseconds.

Reads the size and the points of results/fetch/faces. Leaves in results/lut macs.json (exact),
latency.json (measured here, or a device's) and heatmap.png.
"""

from typing import TYPE_CHECKING, Any

from stages.results import Results
from stages.runner import run_stage

if TYPE_CHECKING:
    from fbnet.progress import Log
    from stages.params import Params


def main(params: "Params", results: Results, log: "Log") -> str:
    """Fill both tables for the params' space."""
    from fbnet import plots
    from fbnet.costs.macs import macs_table
    from fbnet.costs.measure import latency_table
    from fbnet.faces.faceset import FaceSet
    from fbnet.files import write_json

    faces, space = FaceSet.load(results.require(results.faces)), params.search_space
    macs = macs_table(space, faces.points, faces.size)
    latency = latency_table(space, faces.points, params.lut, faces.size)
    write_json(results.lut("macs"), macs)
    write_json(results.lut("latency"), latency)
    maps = {
        "million MACs": _costs(macs, "macs", 1e-6),
        f"microseconds ({latency['engine']})": _costs(latency, "median", 1e3),
    }
    plots.heatmap(maps, results.picture("lut", "heatmap"))
    return f"{_range(macs, 'macs', 1e-6)} million MACs and {_range(latency, 'median', 1.0)} ms"


def _costs(table: dict[str, Any], key: str, scale: float) -> list[dict[str, float]]:
    """Costs of each layer's blocks."""
    return [{b: v[key] * scale for b, v in layer["blocks"].items()} for layer in table["layers"]]


def _range(table: dict[str, Any], key: str, scale: float) -> str:
    """Cost of the cheapest and of the costliest net of the space."""
    layers, fixed = _costs(table, key, scale), table["fixed"][key] * scale
    ends = (fixed + sum(end(layer.values()) for layer in layers) for end in (min, max))
    return " to ".join(f"{cost:.3g}" for cost in ends)


if __name__ == "__main__":
    run_stage("lut", main)
