"""Search: which block belongs into which layer, at which cost.

Reads results/fetch/faces and results/lut/{macs,latency}.json. Leaves in results/search the
architecture, a supernet's weights, the history, the candidates and the distribution over blocks.
`search.method` is `fbnet`, a supernet that learns with its architecture parameters, or `predictor`,
short trainings of many nets. An interrupted search resumes from its last epoch.
"""

from typing import TYPE_CHECKING

from stages.results import Results, checkpoints
from stages.runner import NOT_RANK_ZERO, end_with_starter, run_stage, stage_code

if TYPE_CHECKING:
    from fbnet.progress import Log
    from stages.params import Params


def main(params: "Params", results: Results, log: "Log") -> str:
    """Search the params' space on the fetched faces; leave the architecture and weights."""
    return METHODS[params.search.method](params, results, log)


def _fingerprint(params: "Params", results: Results) -> str:
    """Of all that an unfinished search depends on."""
    from fbnet.training.checkpoints import fingerprint

    used = params.model_dump(include={"search", "augment"})
    del used["search"]["predictor"]["scheduler"]  # where trainings run changes no number
    used["space"] = params.search_space.model_dump()
    used["train"] = params.train.arithmetic()
    if params.search.method == "predictor":
        del used["train"]["shards"]  # a training is one process, however many run at once
    return fingerprint(used, [results.faces, results.lut(params.search.cost)], stage_code("search"))


def _fbnet(params: "Params", results: Results, log: "Log") -> str:
    from fbnet import plots
    from fbnet.costs.lut import from_json
    from fbnet.faces.faceset import FaceSet
    from fbnet.search.loop import Search
    from fbnet.search.results import line, rank, write_results
    from fbnet.training.checkpoints import checkpoint
    from fbnet.training.device import launch

    space, fabric = params.search_space, launch(params.train)
    search = Search(
        FaceSet.load(results.require(results.faces)),
        space,
        from_json(results.require(results.lut(params.search.cost)), space),
        params.search,
        params.augment if params.search.augment else None,
        fabric,
        params.train.shards,
        params.train.graph == "auto",
    )
    with checkpoint(checkpoints(), "search", _fingerprint(params, results), fabric) as saved:
        search.run(saved, log)
        if not fabric.is_global_zero:
            return NOT_RANK_ZERO
        ranked = rank(search)
        write_results(search, ranked, params.space, results.folder("search"))
        plots.history(search.history, results.picture("search", "history"))
        picture = results.picture("search", "probabilities")
        plots.probabilities(search.probabilities, space.layer_ops, picture)
    return f"{line(search, ranked)}, in {results.searched}"


def _predictor(params: "Params", results: Results, log: "Log") -> str:
    from fbnet import plots
    from fbnet.costs.lut import from_json
    from fbnet.progress import is_rank_zero
    from fbnet.search.predictor import Predictor, Setup
    from fbnet.search.predictor_results import line, write_results
    from fbnet.search.workers import workers
    from fbnet.training.checkpoints import checkpoint

    if not is_rank_zero():
        return NOT_RANK_ZERO
    space, p = params.search_space, params.search
    lut = from_json(results.require(results.lut(p.cost)), space)
    faces = results.require(results.faces).resolve()
    augment = params.augment if p.augment else None
    with (
        checkpoint(checkpoints(), "search", _fingerprint(params, results)) as saved,
        workers(params.train.devices, p.predictor.scheduler, end_with_starter) as executor,
    ):
        setup = Setup(faces, space, p, augment, params.train, saved.folder.resolve() / "nets")
        search = Predictor(setup, lut, executor, log)
        ranked = search.run()
        write_results(search, ranked, params.space, results.folder("search"))
        plots.history(search.history, results.picture("search", "history"))
        picture = results.picture("search", "probabilities")
        plots.probabilities(search.probabilities, space.layer_ops, picture)
    return f"{line(search, ranked)}, in {results.searched}"


METHODS = {"fbnet": _fbnet, "predictor": _predictor}
"""`search.method` -> how it is done."""


if __name__ == "__main__":
    run_stage("search", main)
