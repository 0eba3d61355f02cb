"""Search: a supernet learns, and with it which block belongs into which layer.

Reads results/fetch/faces and results/lut/{macs,latency}.json. Leaves in results/search the
architecture, the supernet's weights, the history, the candidates and the distribution over blocks.
An interrupted search resumes from its last epoch.
"""

from typing import TYPE_CHECKING

from stages.results import Results, checkpoints
from stages.runner import NOT_RANK_ZERO, run_stage, stage_code

if TYPE_CHECKING:
    from fbnet.progress import Log
    from stages.params import Params


def main(params: "Params", results: Results, log: "Log") -> str:
    """Search the params' space on the fetched faces; leave the architecture and the supernet."""
    from fbnet import plots
    from fbnet.costs.lut import from_json
    from fbnet.faces.faceset import FaceSet
    from fbnet.search.loop import Search
    from fbnet.search.results import line, rank, write_results
    from fbnet.training.checkpoints import checkpoint, fingerprint
    from fbnet.training.device import launch

    table, space = results.lut(params.search.cost), params.search_space
    fabric = launch(params.train)
    search = Search(
        FaceSet.load(results.require(results.faces)),
        space,
        from_json(results.require(table), space),
        params.search,
        params.augment if params.search.augment else None,
        fabric,
        params.train.shards,
        params.train.graph == "auto",
    )
    used = params.model_dump(include={"search", "augment"}) | {"space": space.model_dump()}
    used["train"] = params.train.arithmetic()
    key = fingerprint(used, [results.faces, table], stage_code("search"))
    with checkpoint(checkpoints(), "search", key) as saved:
        search.run(saved, log)
        if not fabric.is_global_zero:
            return NOT_RANK_ZERO
        ranked = rank(search)
        write_results(search, ranked, params.space, results.folder("search"))
        plots.history(search.history, results.picture("search", "history"))
        picture = results.picture("search", "probabilities")
        plots.probabilities(search.probabilities, space.layer_ops, picture)
    return f"{line(search, ranked)}, in {results.searched}"


if __name__ == "__main__":
    run_stage("search", main)
