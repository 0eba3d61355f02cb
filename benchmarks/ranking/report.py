"""Tables, plots and verdicts from the result files; nothing is trained here."""

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

from benchmarks.ranking import plots, searches
from benchmarks.ranking.entries import Entry, entries
from benchmarks.ranking.jobs import Job, results
from benchmarks.ranking.setting import Setting
from benchmarks.ranking.statistics import Tau
from benchmarks.ranking.tables import markdown, percent
from benchmarks.ranking.verdict import (
    GOAL,
    SHARE_OF_CEILING,
    against_chance,
    against_own_table,
    complete,
    supernet_ranks,
)
from fbnet.errors import BadInput
from fbnet.files import read_json, write_json, write_text

QUOTED = ("verdicts", "searches", "ablations")
"""Tables that stand in the docs too."""


def report(setting: Setting) -> dict[str, Any]:
    """Write verdicts.md, architectures.md, searches.md, ablations.md, two plots, summary.json."""
    scored = read_json(setting.results / "inherited.json")["nmes"]
    sample = entries(setting, setting.sample, scored)
    searched = entries(setting, [setting.chosen], scored)
    if not sample:
        raise BadInput("benchmarks/ranking: no training is done; run the train step")
    summary: dict[str, Any] = {
        "supernet_ranks": supernet_ranks(sample, setting.ranking.verdict),
    }
    if searched:
        summary["against_chance"] = against_chance(searched[0], sample, setting.ranking.verdict)
    if not complete([*sample, *searched], len(setting.sample) + 1):
        for found in summary.values():
            found.pop("goal_reached", None)
    summary["tables"] = table_verdicts(setting)
    unit = setting.lut().unit
    out = setting.results
    tables = {
        "verdicts": verdict_rows(summary, unit),
        "architectures": architecture_rows(searched, sample, unit),
        "searches": search_rows(setting, searches.repeated(setting)),
        "ablations": ablation_rows(setting),
    }
    for name, rows in tables.items():
        write_text(out / f"{name}.md", markdown(rows))
    plots.cost_error(sample, searched[0] if searched else None, unit, out / "cost_error.png")
    plots.rank(sample, _tau_line(summary["supernet_ranks"]), out / "rank.png")
    write_json(out / "summary.json", summary)
    return summary


def table_verdicts(setting: Setting) -> dict[str, dict[str, Any]]:
    """By every other table, how its searches compare with those by the project's; {}: not known."""
    found = searches.by_table(setting)
    chosen = {table: _chosen(setting, jobs) for table, jobs in found.items()}
    whole = {t: e for t, e in chosen.items() if complete(e, len(setting.ranking.searches.seeds))}
    return {
        table: against_own_table(whole[""], whole[table]) if {"", table} <= set(whole) else {}
        for table in found
        if table
    }


def _chosen(setting: Setting, jobs: Mapping[str, Job]) -> list[Entry]:
    """What the searches chose, an entry a search, as far as they are done and trained."""
    chosen = (tuple(result["choice"]) for result in results(jobs).values())
    return [entry for choice in chosen for entry in entries(setting, [choice])]


def verdict_rows(summary: Mapping[str, Any], unit: str) -> list[dict[str, str]]:
    """The tests in words, with their goals."""
    ranks, chance = summary["supernet_ranks"], summary.get("against_chance", {})
    return [
        {
            "question": "does the supernet rank?",
            "found": _tau_line(ranks),
            "goal": f"tau of {GOAL} or {SHARE_OF_CEILING} of that between seeds",
            "reached": _answer(ranks),
        },
        {
            "question": "does the search beat chance?",
            "found": _chance_line(chance),
            "goal": "none better by more than the spread between seeds",
            "reached": _answer(chance),
        },
        *(
            {
                "question": f"is the search by the table `{table}` as good?",
                "found": _table_line(found, unit),
                "goal": "none beaten by more than the spread between seeds",
                "reached": _answer(found),
            }
            for table, found in summary["tables"].items()
        ),
    ]


def _answer(found: Mapping[str, Any]) -> str:
    return {True: "yes", False: "no", None: "not known yet"}[found.get("goal_reached")]


def _chance_line(found: Mapping[str, Any]) -> str:
    if not found:
        return "the searched one is not trained yet"
    line = f"{found['better']} of {found['rivals']} that cost no more are better"
    if found["better"]:
        line += f", the best by {percent(found['largest_lead'])}"
    if "seed_spread" not in found:
        return line
    return f"{line}; spread between seeds {percent(found['seed_spread'])}"


def _table_line(found: Mapping[str, Any], unit: str) -> str:
    if not found:
        return "not all of its searches are trained yet"
    own, other = found["costs"]
    own_nme, nme = (percent(error) for error in found["errors"])
    return (
        f"{found['beaten']} of {found['searches']} are beaten by one of the own table at their "
        f"cost or less; {found['layers_between_tables']:.1f} layers differ between tables, "
        f"{found['layers_between_seeds']:.1f} between seeds; "
        f"mean cost {other:.4g} {unit}, own {own:.4g}; NME {nme}, own {own_nme}"
    )


def architecture_rows(
    searched: Sequence[Entry], sample: Sequence[Entry], unit: str
) -> list[dict[str, str]]:
    """The searched one first, then the sample by cost; test figures are reported, not used."""
    others = (entry for entry in sample if entry not in searched)
    ordered = [*searched, *sorted(others, key=lambda e: e.cost)]
    return [
        {"": "searched" if entry in searched else ""} | _entry_row(entry, unit) for entry in ordered
    ]


def _entry_row(entry: Entry, unit: str) -> dict[str, str]:
    seeds = {f"val NME, seed {i}": percent(nme) for i, nme in enumerate(entry.val, start=1)}
    return {
        "architecture": " ".join(entry.choice),
        "M MACs": f"{entry.macs / 1e6:.2f}",
        f"predicted {unit}": f"{entry.cost:.4g}",
        **seeds,
        "inherited val NME": percent(entry.inherited),
        "test NME": percent(mean(entry.test)),
    }


def search_rows(setting: Setting, jobs: Mapping[str, Job]) -> list[dict[str, str]]:
    """A row a finished search: what it chose, at what cost, how decided, how good that is alone."""
    return [{"search": name} | _search_row(setting, r) for name, r in results(jobs).items()]


def _search_row(setting: Setting, found: Mapping[str, Any]) -> dict[str, str]:
    alone = entries(setting, [tuple(found["choice"])])
    return {
        "architecture": " ".join(found["choice"]),
        "M MACs": f"{found['macs'] / 1e6:.2f}",
        f"predicted {found['unit']}": f"{found['cost']:.4g}",
        "entropy (most open layer)": _decided(found["entropy"][-1]),
        "inherited val NME": percent(found["inherited_nme"]),
        "val NME trained alone": ", ".join(percent(nme) for e in alone for nme in e.val),
        "test NME": ", ".join(percent(nme) for e in alone for nme in e.test),
    }


def _decided(layers: Sequence[float]) -> str:
    return f"{mean(layers):.2f} ({max(layers):.2f})"


def ablation_rows(setting: Setting) -> list[dict[str, str]]:
    """The variants of the search, then the searched one trained from inherited weights."""
    return [*search_rows(setting, searches.ablations(setting)), *weight_rows(setting)]


def weight_rows(setting: Setting) -> list[dict[str, str]]:
    """The searched one under one recipe and seed, from scratch and from the supernet."""
    choice, seed = setting.chosen, setting.ranking.recipe.seeds[0]
    trained = {
        "searched one, from scratch": setting.ledger.job(choice, seed),
        "searched one, inherited weights": setting.inheriting.job(choice, seed),
    }
    return [
        {
            "search": name,
            "architecture": " ".join(choice),
            "val NME trained alone": percent(result["val_nme"]),
            "test NME": percent(result["test_nme"]),
        }
        for name, result in results(trained).items()
    ]


def _tau_line(found: Mapping[str, Any]) -> str:
    names = {"tau": "tau", "tau_between_seeds": "between seeds", "tau_of_size": "by size alone"}
    known = [f"{words} {Tau(**found[name])}" for name, words in names.items() if name in found]
    line = f"{found['architectures']} architectures"
    return f"{line}; {', '.join(known)}" if known else line
