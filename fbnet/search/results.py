"""What a finished search leaves: architecture, candidates, distribution, figures."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from fbnet.costs.lut import Lut, reference_cost
from fbnet.faces.faceset import FaceSet
from fbnet.files import write_csv, write_json
from fbnet.params import SpaceParams
from fbnet.search.cost import Budget
from fbnet.search.loop import Search
from fbnet.search.sampling import Candidate
from fbnet.search.supernet import entropy as layer_entropies
from fbnet.search.supernet import probabilities
from fbnet.training.checkpoints import save_weights

UNDECIDED = 0.5
"""Mean entropy, as a share of the uniform one's, above which a search has not decided."""


def rank(search: Search) -> list[Candidate]:
    """Sampled architectures scored with the best supernet's weights, best first."""
    modules = search.learner.modules
    modules.load_state_dict(search.best["weights"])
    choices = search.samples(search.params.candidates)
    pose_net = dict(modules.items()).get("pose")
    return search.scorer.rank(search.learner.net, choices, pose_net)


def write_results(search: Search, ranked: list[Candidate], space: str, out: Path) -> None:
    """Architecture, supernet weights, tables and metrics into `out`; `space` is its name."""
    save_weights(out / "supernet.safetensors", search.best["weights"])
    write_json(out / "architecture.json", architecture(search, ranked, space))
    write_tables(search.history, ranked, search.space, search.probabilities, out)
    write_json(out / "metrics.json", metrics(search, ranked))


def write_tables(
    history: Sequence[Mapping[str, float]],
    ranked: Sequence[Candidate],
    space: SpaceParams,
    distributions: Sequence[Sequence[Sequence[float]]],
    out: Path,
) -> None:
    """History, candidates, and the distribution over blocks by epoch, as CSV files in `out`."""
    write_csv(out / "history.csv", history)
    write_csv(out / "candidates.csv", candidate_rows(ranked))
    write_csv(out / "probabilities.csv", probability_rows(space, distributions))


def candidate_rows(ranked: Iterable[Candidate]) -> Iterator[dict[str, Any]]:
    """A row for each candidate."""
    for candidate in ranked:
        yield {
            "choice": " ".join(candidate.choice),
            "val_nme": candidate.nme,
            "cost": candidate.cost,
            "objective": candidate.objective,
        }


def architecture(search: Search, ranked: list[Candidate], space: str) -> dict[str, Any]:
    """The chosen architecture and what it was chosen from."""
    learned = [p.tolist() for p in probabilities(search.alphas.alphas)]
    faces, lut = search.faces, search.lut
    return described(faces, search.space, space, lut, search.budget, ranked, learned)


def described(
    faces: FaceSet,
    space: SpaceParams,
    name: str,
    lut: Lut,
    allowed: Budget | None,
    ranked: Sequence[Candidate],
    distribution: Sequence[Sequence[float]],
) -> dict[str, Any]:
    """What architecture.json holds; `name` is the space's, `distribution` each layer's."""
    return {
        "space": name,
        "points": faces.points,
        "size": faces.size,
        "choice": list(ranked[0].choice),
        "cost": {
            "unit": lut.unit,
            "predicted": ranked[0].cost,
            "uniform": reference_cost(lut),
            **(vars(allowed) if allowed else {}),
        },
        "candidates": [list(candidate.choice) for candidate in ranked],
        "probabilities": [
            dict(zip(ops, p, strict=True))
            for ops, p in zip(space.layer_ops, distribution, strict=True)
        ],
    }


def metrics(search: Search, ranked: list[Candidate]) -> dict[str, float]:
    """Figures by which searches are compared."""
    return {
        **chosen_metrics(ranked[0], search.lut, search.budget),
        "search_entropy": mean_entropy(search),
        "search_best_epoch": search.best["epoch"],
        "search_arch_steps": search.arch_step_count,
    }


def chosen_metrics(best: Candidate, lut: Lut, allowed: Budget | None) -> dict[str, float]:
    """Figures of the chosen net; costs in the table's unit, NME a fraction."""
    return {
        "search_val_nme": best.nme,
        "search_cost": best.cost,
        "search_cost_uniform": reference_cost(lut),
        **({"search_target": allowed.target} if allowed else {}),
    }


def predicted(best: Candidate, lut: Lut, allowed: Budget | None) -> str:
    """The chosen blocks and their predicted cost, with the budget where there is one."""
    limit = ""
    if allowed:
        limit = f" of {allowed.target:.4g} (limit {allowed.limit:.4g} by the table's error)"
    return f"{' '.join(best.choice)}, {best.cost:.4g} {lut.unit} predicted{limit}"


def mean_entropy(search: Search) -> float:
    """Mean entropy of the layers' distributions: 1 uniform, 0 decided."""
    return mean(layer_entropies(search.alphas.alphas))


def line(search: Search, ranked: list[Candidate]) -> str:
    """The choice in one line; a search that has not decided says so."""
    best, entropy = ranked[0], mean_entropy(search)
    chosen = (
        f"{predicted(best, search.lut, search.budget)}, "
        f"validation NME {best.nme:.2%} with inherited weights"
    )
    if entropy <= UNDECIDED:
        return chosen
    return (
        f"{chosen}; NOT DECIDED (entropy {entropy:.0%} of a uniform choice's): "
        "raise search.epochs or search.nas_lr"
    )


def probability_rows(
    space: SpaceParams, by_epoch: Iterable[Sequence[Sequence[float]]]
) -> Iterator[dict[str, Any]]:
    """The distribution over blocks, a row for each epoch, layer and block."""
    for epoch, layers in enumerate(by_epoch, start=1):
        for layer, (ops, values) in enumerate(zip(space.layer_ops, layers, strict=True)):
            for block, value in zip(ops, values, strict=True):
                yield {"epoch": epoch, "layer": layer, "block": block, "probability": value}
