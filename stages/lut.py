"""Lut: what every block costs in every searchable layer, in MACs and in milliseconds.

Reads the size and the points of results/fetch/faces. Leaves in results/lut macs.json (exact),
latency.json (measured here, or a device's) and heatmap.png.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages import paths
from stages.runner import run_stage

if TYPE_CHECKING:
    from fbnet.progress import Log
    from stages.params import Params


def main(params: "Params", out: Path, log: "Log") -> str:
    """Fill both tables for the params' space."""
    from fbnet import plots
    from fbnet.costs.latency import latency_table
    from fbnet.costs.macs import macs_table
    from fbnet.faces.faceset import FaceSet
    from fbnet.files import write_json

    faces, space = FaceSet.load(paths.FACES), params.search_space
    macs = macs_table(space, faces.points, faces.size)
    latency = latency_table(space, faces.points, params.lut, faces.size)
    write_json(out / "macs.json", macs)
    write_json(out / "latency.json", latency)
    drawn = {
        "million MACs": _values(macs, "macs", 1e-6),
        f"microseconds ({latency['engine']})": _values(latency, "median", 1e3),
    }
    plots.heatmap(drawn, out / "heatmap.png")
    return f"lut: {_range(macs, 'macs', 1e-6)} million MACs and {_range(latency, 'median', 1.0)} ms"


def _values(table: dict[str, Any], key: str, scale: float) -> list[dict[str, float]]:
    """Costs by layer and block."""
    return [{b: v[key] * scale for b, v in layer["blocks"].items()} for layer in table["layers"]]


def _range(table: dict[str, Any], key: str, scale: float) -> str:
    """The cheapest and the dearest net of the space."""
    layers, fixed = _values(table, key, scale), table["fixed"][key] * scale
    ends = (fixed + sum(end(layer.values()) for layer in layers) for end in (min, max))
    return " to ".join(f"{cost:.3g}" for cost in ends)


if __name__ == "__main__":
    sys.exit(run_stage("lut", main))
