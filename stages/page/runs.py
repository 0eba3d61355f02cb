"""The Pareto page: finished runs of the pipeline side by side."""

from collections.abc import Mapping, Sequence
from typing import Any

from fbnet.errors import BadInput
from stages.page.charts import percent
from stages.page.page import render
from stages.page.svg import Axis, Chart, Series, chart, span
from stages.table import COLUMNS

COSTS = {"latency_ms": "latency, ms", "macs": "million MACs", "size_kb": "size, KB"}
SCALE = {"macs": 1e-6}
ERROR = "nme"
CHOSEN_BY = "retrain_val_nme"

Run = Mapping[str, Any]
"""A run: `name`; `metrics` {name: value}; `params` {name: text}."""


def runs_page(runs: Sequence[Run]) -> str:
    """The page as HTML: accuracy against each cost with the front, and a table of all runs.

    Raises BadInput where no run has both an accuracy and a cost.
    """
    scored = [run for run in runs if ERROR in run["metrics"] and _costs([run])]
    if not scored:
        raise BadInput("no finished run has `nme` and a cost; let the pipeline run to its end")
    scored.sort(key=lambda run: (run["metrics"][ERROR], run["name"]))
    changed = changed_params(scored)
    return render(
        "runs.html.j2",
        count=len(scored),
        charts=[_against(scored, cost) for cost in _costs(scored)],
        headings=[*changed, "validation NME", *(heading for heading, _ in COLUMNS.values())],
        rows=[(run["name"], _texts(run, changed)) for run in scored],
    )


def front(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points (cost, error) that none other beats in one without losing in the other."""
    kept: list[tuple[float, float]] = []
    for cost, error in sorted(set(points)):
        if not kept or error < kept[-1][1]:
            kept.append((cost, error))
    return kept


def changed_params(runs: Sequence[Run]) -> list[str]:
    """Names of the params that are not the same in all runs, sorted."""
    names = {name for run in runs for name in run["params"]}
    return sorted(name for name in names if len({run["params"].get(name) for run in runs}) > 1)


def _costs(runs: Sequence[Run]) -> list[str]:
    return [cost for cost in COSTS if any(cost in run["metrics"] for run in runs)]


def _against(runs: Sequence[Run], cost: str) -> Chart:
    scale = SCALE.get(cost, 1.0)
    shown = [run for run in runs if cost in run["metrics"]]
    points = [(run["metrics"][cost] * scale, run["metrics"][ERROR]) for run in shown]
    labels = [
        f"{run['name']}: {error:.2%} at {at:.4g}"
        for run, (at, error) in zip(shown, points, strict=True)
    ]
    best = front(points)
    series = [
        Series("front", best, "c1", "step"),
        Series("runs", points, "c0", "dots", labels),
        Series("", best, "c1", "dots", [labels[points.index(at)] for at in best], legend=False),
    ]
    x = Axis(COSTS[cost], *span([at for at, _ in points]))
    y = Axis("NME", *span([at for _, at in points]), percent)
    return chart(f"NME against {COSTS[cost]}", x, y, series)


def _texts(run: Run, changed: Sequence[str]) -> list[str]:
    metrics = run["metrics"]
    forms = {CHOSEN_BY: "{:.2%}", **{name: form for name, (_, form) in COLUMNS.items()}}
    figures = [form.format(metrics[k]) if k in metrics else "" for k, form in forms.items()]
    return [*(run["params"].get(name, "") for name in changed), *figures]
