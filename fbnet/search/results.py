"""What a finished search leaves: architecture, candidates, distribution, figures."""

from collections.abc import Iterator
from pathlib import Path
from statistics import mean
from typing import Any

from fbnet.costs.lut import reference_cost
from fbnet.files import write_csv, write_json
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
    write_csv(out / "history.csv", search.history)
    candidates = [
        {
            "choice": " ".join(candidate.choice),
            "val_nme": candidate.nme,
            "cost": candidate.cost,
            "objective": candidate.objective,
        }
        for candidate in ranked
    ]
    write_csv(out / "candidates.csv", candidates)
    write_csv(out / "probabilities.csv", probability_rows(search))
    write_json(out / "metrics.json", metrics(search, ranked))


def architecture(search: Search, ranked: list[Candidate], space: str) -> dict[str, Any]:
    """The chosen architecture and what it was chosen from."""
    learned = probabilities(search.alphas.alphas)
    return {
        "space": space,
        "points": search.faces.points,
        "size": search.faces.size,
        "choice": list(ranked[0].choice),
        "cost": {
            "unit": search.lut.unit,
            "predicted": ranked[0].cost,
            "uniform": reference_cost(search.lut),
            **(vars(search.budget) if search.budget else {}),
        },
        "candidates": [list(candidate.choice) for candidate in ranked],
        "probabilities": [
            dict(zip(ops, p.tolist(), strict=True))
            for ops, p in zip(search.space.layer_ops, learned, strict=True)
        ],
    }


def metrics(search: Search, ranked: list[Candidate]) -> dict[str, float]:
    """Figures by which searches are compared."""
    return {
        "search_val_nme": ranked[0].nme,
        "search_cost": ranked[0].cost,
        "search_cost_uniform": reference_cost(search.lut),
        **({"search_target": search.budget.target} if search.budget else {}),
        "search_entropy": mean_entropy(search),
        "search_best_epoch": search.best["epoch"],
        "search_arch_steps": search.arch_step_count,
    }


def mean_entropy(search: Search) -> float:
    """Mean entropy of the layers' distributions: 1 uniform, 0 decided."""
    return mean(layer_entropies(search.alphas.alphas))


def line(search: Search, ranked: list[Candidate]) -> str:
    """The choice in one line; a search that has not decided says so."""
    best, entropy = ranked[0], mean_entropy(search)
    within = ""
    if allowed := search.budget:
        within = f" of {allowed.target:.4g} (limit {allowed.limit:.4g} by the table's error)"
    chosen = (
        f"{' '.join(best.choice)}, {best.cost:.4g} {search.lut.unit} predicted{within}, "
        f"validation NME {best.nme:.2%} with inherited weights"
    )
    if entropy <= UNDECIDED:
        return chosen
    return (
        f"{chosen}; NOT DECIDED (entropy {entropy:.0%} of a uniform choice's): "
        "raise search.epochs or search.nas_lr"
    )


def probability_rows(search: Search) -> Iterator[dict[str, Any]]:
    """The learned distribution, a row for each epoch, layer and block."""
    for epoch, layers in enumerate(search.probabilities, start=1):
        for layer, (ops, values) in enumerate(zip(search.space.layer_ops, layers, strict=True)):
            for block, value in zip(ops, values, strict=True):
                yield {"epoch": epoch, "layer": layer, "block": block, "probability": value}
