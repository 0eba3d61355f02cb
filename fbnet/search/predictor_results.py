"""What a finished search by short trainings leaves, in the files of the other method."""

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

import torch
from torch import Tensor

from fbnet.errors import BadInput
from fbnet.files import write_json
from fbnet.search.predictor import Predictor, Setup
from fbnet.search.results import chosen_metrics, described, predicted, write_tables
from fbnet.search.sampling import Candidate, Choice
from fbnet.search.supernet import entropy, supernet_weights
from fbnet.training.checkpoints import Checkpoint, save_weights


def weights_of(setup: Setup, choice: Choice, points: int, size: int) -> dict[str, Tensor]:
    """A supernet's state with the trained weights of `choice` in it, as `retrain` inherits them.

    The blocks that `choice` lacks have fresh weights.
    """
    state = Checkpoint(setup.place(choice)).load()
    if state is None:
        raise BadInput(f"{setup.place(choice)}: the training's state is gone; search again")
    trained = state["best"]["weights"]
    return supernet_weights(setup.space, points, size, choice, trained, setup.params.seed)


def write_results(search: Predictor, ranked: list[Candidate], space: str, out: Path) -> None:
    """Leave what the differentiable search leaves, into `out`; `space` is its name."""
    faces, lut, setup = search.faces, search.lut, search.setup
    weights = weights_of(setup, ranked[0].choice, faces.points, faces.size)
    save_weights(out / "supernet.safetensors", weights)
    shares = search.probabilities[-1]
    record = described(faces, setup.space, space, lut, search.budget, ranked, shares)
    write_json(out / "architecture.json", record)
    write_tables(search.history, ranked, setup.space, search.probabilities, out)
    write_json(out / "metrics.json", metrics(search, ranked))


def metrics(search: Predictor, ranked: Sequence[Candidate]) -> dict[str, float]:
    """Figures by which searches are compared; the names that both methods have mean the same."""
    trained = [max(scores) for scores in search.scores.values()]
    return {
        **chosen_metrics(ranked[0], search.lut, search.budget),
        "search_entropy": fmean(
            entropy([torch.tensor(layer).log() for layer in search.probabilities[-1]])
        ),
        "search_nets": len(trained),
        "search_net_epochs": sum(trained),
        **({"search_predictor_error": search.error} if search.error is not None else {}),
    }


def line(search: Predictor, ranked: Sequence[Candidate]) -> str:
    """The choice in one line."""
    return (
        f"{predicted(ranked[0], search.lut, search.budget)}, validation NME {ranked[0].nme:.2%} "
        f"after {search.params.predictor.rungs[-1]} epochs, the best of {len(search.scores)} nets"
    )
