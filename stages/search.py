"""Search: a supernet learns, and with it which block belongs into which layer."""

from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import mean
from typing import Any

from fbnet import plots
from fbnet.faces.faceset import FaceSet
from fbnet.files import write_csv, write_json
from fbnet.params import Params
from fbnet.search.loop import Search
from fbnet.search.lut import Lut, reference_cost
from fbnet.search.mixed import entropy, probabilities
from fbnet.search.sampling import Candidate, sample_choices
from fbnet.training.checkpoints import checkpoint, fingerprint
from fbnet.training.device import launch
from fbnet.training.weights import save_weights
from stages.runner import CHECKPOINTS, run_stage

Log = Callable[[int, dict[str, float]], None]
FACES = Path("results/fetch/faces")
UNDECIDED = 0.5
"""Mean entropy, as a share of the uniform one's, above which a search has not decided."""


def main(params: Params, out: Path, log: Log) -> str:
    """Search the params' space on the fetched faces; leave the architecture and the supernet."""
    table = Path(f"results/lut/{params.search.cost}.json")
    faces = FaceSet.load(FACES)
    search = Search(
        faces,
        params.search_space,
        Lut.from_json(table, params.search_space),
        params.search,
        params.augment if params.search.augment else None,
        launch(params.train),
    )
    used = params.model_dump(include={"search", "augment", "train"}) | {
        "space": params.search_space.model_dump()
    }
    with checkpoint(CHECKPOINTS, "search", fingerprint(used, [FACES, table])) as saved:
        search.run(saved, log)
        ranked = rank(search)
        write_results(search, ranked, params.space, out)
    return report(search, ranked, out)


def rank(search: Search) -> list[Candidate]:
    """Sampled architectures scored with the best supernet's weights, best first."""
    search.learner.modules.load_state_dict(search.best["weights"])
    choices = sample_choices(search.alphas, search.params.candidates, search.params.seed)
    return search.scorer.rank(search.learner.net, choices)


def write_results(search: Search, ranked: list[Candidate], space: str, out: Path) -> None:
    """Architecture, supernet weights, tables, figures and metrics into `out`."""
    save_weights(out / "supernet.safetensors", search.best["weights"])
    write_json(out / "architecture.json", architecture(search, ranked, space))
    write_csv(out / "history.csv", search.history)
    write_csv(out / "candidates.csv", [candidate_row(c) for c in ranked])
    write_csv(out / "probabilities.csv", probability_rows(search))
    plots.probabilities(search.probabilities, search.space.layer_ops, out / "probabilities.png")
    write_json(out / "metrics.json", metrics(search, ranked))


def architecture(search: Search, ranked: list[Candidate], space: str) -> dict[str, Any]:
    """The chosen architecture and what it was chosen from."""
    return {
        "space": space,
        "points": search.faces.scheme.points,
        "size": search.faces.size,
        "choice": list(ranked[0].choice),
        "cost": {
            "unit": search.lut.unit,
            "predicted": ranked[0].cost,
            "uniform": reference_cost(search.lut),
        },
        "candidates": [list(c.choice) for c in ranked],
        "probabilities": [
            dict(zip(ops, p.tolist(), strict=True))
            for ops, p in zip(
                search.space.layer_ops, probabilities(search.alphas.alphas), strict=True
            )
        ],
    }


def metrics(search: Search, ranked: list[Candidate]) -> dict[str, float]:
    """Figures of the search for DVC and MLflow."""
    return {
        "search_val_nme": ranked[0].nme,
        "search_cost": ranked[0].cost,
        "search_cost_uniform": reference_cost(search.lut),
        "search_entropy": mean(entropy(search.alphas.alphas)),
        "search_best_epoch": search.best["epoch"],
        "search_arch_steps": search.arch_step_count,
    }


def candidate_row(candidate: Candidate) -> dict[str, Any]:
    """A row of candidates.csv."""
    return {
        "choice": " ".join(candidate.choice),
        "val_nme": candidate.nme,
        "cost": candidate.cost,
        "objective": candidate.objective,
    }


def probability_rows(search: Search) -> Iterable[dict[str, Any]]:
    """Rows of probabilities.csv: one per epoch, layer and block."""
    for epoch, layers in enumerate(search.probabilities, start=1):
        for layer, (ops, values) in enumerate(zip(search.space.layer_ops, layers, strict=True)):
            for block, value in zip(ops, values, strict=True):
                yield {"epoch": epoch, "layer": layer, "block": block, "probability": value}


def report(search: Search, ranked: list[Candidate], out: Path) -> str:
    """What was found, in one line; a search that has not decided says so."""
    open_share = mean(entropy(search.alphas.alphas))
    doubt = (
        f"; NOT DECIDED: entropy {open_share:.0%} of a uniform choice's, search longer or raise "
        f"search.nas_lr"
        if open_share > UNDECIDED
        else ""
    )
    best = ranked[0]
    return (
        f"search: {' '.join(best.choice)}, {best.cost:.4g} {search.lut.unit} predicted, validation "
        f"NME {best.nme:.2%} with inherited weights, in {out}/architecture.json{doubt}"
    )


if __name__ == "__main__":
    run_stage("search", main)
