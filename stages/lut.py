"""Lut: what every block costs in every searchable layer, in MACs and in milliseconds.

Reads the size and the points of results/fetch/faces. Leaves in results/lut macs.json (exact),
latency.json (measured here, or a device's) and heatmap.png.
"""

from typing import TYPE_CHECKING

from stages.results import Results
from stages.runner import run_stage

if TYPE_CHECKING:
    from fbnet.costs.lut import Lut
    from fbnet.progress import Log
    from stages.params import Params


def main(params: "Params", results: Results, log: "Log") -> str:
    """Fill both tables for the params' space."""
    from fbnet import plots
    from fbnet.costs.lut import from_table
    from fbnet.costs.macs import macs_table
    from fbnet.costs.measure import latency_table
    from fbnet.faces.faceset import FaceSet
    from fbnet.files import write_json

    faces, space = FaceSet.load(results.require(results.faces)), params.search_space
    macs = macs_table(space, faces.points, faces.size)
    latency = latency_table(space, faces.points, params.lut, faces.size)
    # A device's table may hold more than the space has.
    counted, timed = (from_table(table, space) for table in (macs, latency))
    write_json(results.lut("macs"), macs)
    write_json(results.lut("latency"), latency)
    maps = {
        "million MACs": _costs(counted, 1e-6),
        f"microseconds ({latency['engine']})": _costs(timed, 1e3),
    }
    plots.heatmap(maps, results.picture("lut", "heatmap"))
    return f"{_range(counted, 1e-6)} million MACs and {_range(timed, 1.0)} ms"


def _costs(lut: "Lut", scale: float) -> list[dict[str, float]]:
    """Costs of each layer's blocks."""
    return [{block: cost * scale for block, cost in layer.items()} for layer in lut.layers]


def _range(lut: "Lut", scale: float) -> str:
    """Cost of the cheapest and of the costliest net of the space."""
    from fbnet.costs.lut import cost_range

    return " to ".join(f"{cost * scale:.3g}" for cost in cost_range(lut))


if __name__ == "__main__":
    run_stage("lut", main)
