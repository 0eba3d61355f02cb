"""Registered models: their cards, and the alias on the best of them.

The rule: of all versions trained and chosen on the same faces (by the digest of the face set) and
within `mlflow.best_within_ms`, the one with the lowest validation NME; the older one of equals. The
test faces have no say.
"""

from collections.abc import Iterable
from typing import Any

from stages.tracking.card import model_card
from stages.tracking.store import Store

BEST = "best"
CHOSEN_BY, LATENCY = "retrain_val_nme", "latency_ms"
MODEL_STAGES = frozenset({"retrain", "export", "bench"})
"""After any of these the card says something new."""


def describe(store: Store, run_id: str, stages: Iterable[str], params: Any) -> None:
    """Keep the model's card in the run; on request also with the registered version, and crown."""
    if not MODEL_STAGES.intersection(stages):
        return
    card = model_card(params)
    store.client.log_text(run_id, card, "model_card.md")
    if store.settings.register_model:
        _update(store, run_id, card)


def _update(store: Store, run_id: str, card: str) -> None:
    name = store.settings.model_name
    versions = list(store.client.search_model_versions(f"name = '{name}'"))
    for version in versions:
        if version.run_id == run_id:
            store.client.update_model_version(name, version.version, card)
    if best := _best(store, versions, _faces(store.client.get_run(run_id))):
        store.client.set_registered_model_alias(name, BEST, best.version)


def _best(store: Store, versions: list[Any], faces: str | None) -> Any:
    runs = {version.version: store.client.get_run(version.run_id) for version in versions}
    limit = store.settings.best_within_ms
    able = [
        version
        for version in versions
        if _is_able(runs[version.version], limit) and _faces(runs[version.version]) == faces
    ]

    def rank(version: Any) -> tuple[float, int]:
        return runs[version.version].data.metrics[CHOSEN_BY], int(version.version)

    return min(able, key=rank, default=None)


def _is_able(run: Any, limit: float | None) -> bool:
    metrics = run.data.metrics
    fast = limit is None or metrics.get(LATENCY, float("inf")) <= limit
    return fast and CHOSEN_BY in metrics


def _faces(run: Any) -> str | None:
    """Digest of the face set of a run; None where it was not noted."""
    inputs = run.inputs.dataset_inputs if run.inputs else []
    return next((entry.dataset.digest for entry in inputs), None)
