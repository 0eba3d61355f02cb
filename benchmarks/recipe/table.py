"""What the trials of recipes say: docs/training.md, and the learning curves as a picture."""

from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.core import DOCS, Summary
from benchmarks.core.ledger import Ledger
from benchmarks.core.page import percent, picture, table
from benchmarks.recipe import BASE, GROUPS

PAGE = DOCS / "training.md"
COLUMNS = {
    "val_nme": "validation",
    "choosing_nme": "photographs that choose",
    "test_nme": "test",
    "final_nme": "other photographs",
}
"""Figure -> its column; what chooses comes first."""
NONE = "No trial is recorded yet."
CURVES = {"faces seen": BASE["seen"], "faces rendered": BASE["rendered"]["train"]}
"""Groups that are a learning curve, and where the base lies on it."""


def summary(ledger: Ledger) -> Summary:
    """The page and the picture, from what is recorded."""
    from benchmarks.recipe.trial import record

    results = ledger.results()
    known = {
        name: results[record(name)]
        for group in GROUPS.values()
        for name in group
        if record(name) in results
    }
    if not known:
        return Summary({}, {PAGE: {"recipe": NONE, "curves": NONE}})
    sections, pictures = {"recipe": table(_rows(known)), "curves": NONE}, {}
    if curves(known):
        path = ledger.folder / "curves.png"
        sections["curves"] = picture(path, PAGE, f"NME against {' and '.join(curves(known))}")
        pictures["curves.png"] = partial(draw_curves, known)
    return Summary(known, {PAGE: sections}, pictures)


def curves(known: dict[str, Any]) -> dict[str, dict[float, str]]:
    """Group -> place on its axis -> trial, of the groups of which two or more are recorded."""
    places = {
        group: {float(name.replace(",", "")): name for name in GROUPS[group] if name in known}
        | ({float(base): "base"} if "base" in known else {})
        for group, base in CURVES.items()
    }
    return {group: dict(sorted(at.items())) for group, at in places.items() if len(at) > 1}


def _rows(known: dict[str, Any]) -> list[dict[str, str]]:
    base = known.get("base")
    rows = []
    for group, names in GROUPS.items():
        for name in names:
            if name not in known:
                continue
            result = known[name]
            row = {"subject": group, "trial": name, "steps": f"{result['steps']:,}"}
            row |= {heading: percent(result[key]) for key, heading in COLUMNS.items()}
            if base and name != "base":
                change = result["choosing_nme"] / base["choosing_nme"] - 1
                row["against base"] = f"{100 * change:+.1f} %"
            rows.append(row)
    return rows


def draw_curves(known: dict[str, Any], path: Path) -> None:
    """NME by faces seen and by faces rendered, on logarithmic axes, as PNG."""
    from fbnet.plots.style import figure

    drawn = curves(known)
    with figure(path, 3.2, columns=len(drawn)) as (_, axes):
        for axis, (group, at) in zip(axes[0], drawn.items(), strict=True):
            for key, heading in COLUMNS.items():
                axis.plot(
                    list(at), [100 * known[name][key] for name in at.values()], "o-", label=heading
                )
            axis.set_xscale("log", base=2)
            axis.set_xticks([*at], [f"{count:,.0f}" for count in at])
            axis.minorticks_off()
            axis.set_xlabel(group)
            axis.set_ylabel("NME, %")
        axes[0][0].legend()
