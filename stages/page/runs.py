"""The comparison of runs: accuracy against cost, and a table of all runs."""

from collections.abc import Mapping, Sequence
from typing import Any

from fbnet.costs.pareto import pareto_front
from fbnet.errors import BadInput
from stages.page import render
from stages.page.charts import Axis, Chart, Series, chart, percent, span
from stages.table import COLUMNS

COSTS = {"latency_ms": "latency, ms", "macs": "million MACs", "size_kb": "size, KB"}
SPLITS = ("train", "validation", "test")
SCALE = {"macs": 1e-6}
FORMS = {"retrain_val_nme": "{:.2%}", **{name: form for name, (_, form) in COLUMNS.items()}}

Run = Mapping[str, Any]
"""A run: `name`; `faces`, equal for runs scored on the same ones; `metrics` {name: value}; `params`
{name: text}."""


def runs_page(runs: Sequence[Run]) -> str:
    """The page as HTML: test NME against each cost with the Pareto front, and a table of all runs.

    Runs scored on other faces do not compare: each face set has a section of its own, that of the
    last run first. Raises BadInput where no run has both an accuracy and a cost.
    """
    groups: dict[str, list[Run]] = {}
    for run in reversed(runs):
        if "nme" in run["metrics"] and COSTS.keys() & run["metrics"].keys():
            groups.setdefault(run.get("faces", ""), []).append(run)
    if not groups:
        raise BadInput("no finished run has `nme` and a cost; let the pipeline run to its end")
    return render(
        "runs.html.j2",
        count=sum(map(len, groups.values())),
        sets=[_face_set(faces, members) for faces, members in groups.items()],
    )


def _face_set(faces: str, runs: list[Run]) -> dict[str, Any]:
    """The charts and the table of the runs on one face set."""
    runs.sort(key=lambda run: (run["metrics"]["nme"], run["name"]))
    changed = changed_params(runs)
    rows = []
    for run in runs:
        params, metrics = run["params"], run["metrics"]
        figures = [form.format(metrics[k]) if k in metrics else "" for k, form in FORMS.items()]
        rows.append((run["name"], [*(params.get(name, "") for name in changed), *figures]))
    counts = runs[0]["metrics"]
    stated = [f"{counts[f'fetch/{n}']:,.0f} {n}" for n in SPLITS if f"fetch/{n}" in counts]
    return {
        "faces": faces,
        "counts": ", ".join(stated),
        "charts": [
            _nme_against(cost, runs)
            for cost in COSTS
            if any(cost in run["metrics"] for run in runs)
        ],
        "headings": [*changed, "validation NME", *(heading for heading, _ in COLUMNS.values())],
        "rows": rows,
    }


def changed_params(runs: Sequence[Run]) -> list[str]:
    """Names of the params that are not the same in all runs, sorted."""
    names = {name for run in runs for name in run["params"]}
    return sorted(name for name in names if len({run["params"].get(name) for run in runs}) > 1)


def _nme_against(cost: str, runs: Sequence[Run]) -> Chart:
    points, labels = [], []
    for run in (run for run in runs if cost in run["metrics"]):
        value, nme = run["metrics"][cost] * SCALE.get(cost, 1.0), run["metrics"]["nme"]
        points.append((value, nme))
        labels.append(f"{run['name']}: {nme:.2%} at {value:.4g}")
    best = pareto_front(points, key=lambda point: point)
    series = [
        Series("front", best, "c1", "step"),
        Series("runs", points, "c0", "dots", labels),
        Series("", best, "c1", "dots", [labels[points.index(at)] for at in best], legend=False),
    ]
    x = Axis(COSTS[cost], *span([value for value, _ in points]))
    y = Axis("NME", *span([nme for _, nme in points]), percent)
    return chart(f"NME against {COSTS[cost]}", x, y, series)
