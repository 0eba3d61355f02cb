"""Search: a supernet learns, and with it which block belongs into which layer.

Reads results/fetch/faces and results/lut/{macs,latency}.json. Leaves in results/search the
architecture, the supernet's weights, the history, the candidates and the distribution over blocks.
An interrupted search goes on where it stopped.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from stages import paths
from stages.runner import NOT_RANK_ZERO, run_stage

if TYPE_CHECKING:
    from fbnet.progress import Log
    from stages.params import Params


def main(params: "Params", out: Path, log: "Log") -> str:
    """Search the params' space on the fetched faces; leave the architecture and the supernet."""
    from fbnet import plots
    from fbnet.costs.lut import from_json
    from fbnet.faces.faceset import FaceSet
    from fbnet.search import results
    from fbnet.search.loop import Search
    from fbnet.training.checkpoints import checkpoint, fingerprint
    from fbnet.training.device import launch

    table, space = paths.lut(params.search.cost), params.search_space
    fabric = launch(params.train)
    search = Search(
        FaceSet.load(paths.FACES),
        space,
        from_json(table, space),
        params.search,
        params.augment if params.search.augment else None,
        fabric,
        params.train.shards,
    )
    used = params.model_dump(include={"search", "augment"}) | {"space": space.model_dump()}
    used["train"] = params.train.arithmetic()
    key = fingerprint(used, [paths.FACES, table])
    with checkpoint(paths.checkpoints(), "search", key) as saved:
        search.run(saved, log)
        if not fabric.is_global_zero:
            return NOT_RANK_ZERO
        ranked = results.rank(search)
        results.write_results(search, ranked, params.space, out)
        plots.probabilities(search.probabilities, space.layer_ops, out / "probabilities.png")
    return f"{results.line(search, ranked)}, in {out}/architecture.json"


if __name__ == "__main__":
    sys.exit(run_stage("search", main))
