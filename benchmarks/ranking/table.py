"""Verdicts, tables and pictures from the records; nothing is trained here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from statistics import fmean, mean
from typing import Any

from benchmarks.core import DOCS, Summary
from benchmarks.core.ledger import Ledger
from benchmarks.core.page import percent, picture, table
from benchmarks.core.statistics import Tau, seed_spread
from benchmarks.ranking import PLAN, Plan, plots
from benchmarks.ranking.verdict import (
    GOAL,
    SHARE_OF_CEILING,
    Entry,
    against_chance,
    against_own_table,
    complete,
    supernet_ranks,
)
from fbnet.costs.pareto import pareto_front
from fbnet.errors import BadInput

PICTURES = {
    "rank": "Inherited against stand-alone NME",
    "cost_error": "Cost against NME, with the front",
    "front": "MACs against test NME: searches under budgets, the sample, and the front",
}
Row = dict[str, str]


@dataclass(frozen=True)
class Records:
    """The records by what they say."""

    ledger: Ledger
    plan: Plan = PLAN

    @cached_property
    def judged(self) -> dict[str, Any]:
        """Record of the search that is judged, and of the sample under its supernet."""
        return self._one("inherited")

    @cached_property
    def sample(self) -> list[tuple[str, ...]]:
        """The sampled architectures, cheapest first."""
        return [tuple(choice) for choice in self._one("sample")["choices"]]

    @cached_property
    def trainings(self) -> dict[tuple[str, ...], list[dict[str, Any]]]:
        """Trainings from scratch by architecture, in the order of their seeds."""
        records = self.ledger.results("trainings/*-[0-9]*")
        by_choice: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for name, record in records.items():
            if not name.endswith("-inherited"):
                by_choice.setdefault(tuple(record["choice"]), []).append(record)
        return {c: sorted(rs, key=lambda r: r["seed"]) for c, rs in by_choice.items()}

    def searches(self, kind: str) -> dict[str, dict[str, Any]]:
        """The finished searches of a kind (see `Plan.searches`), by what they are in words."""
        records = self.ledger.results("searches/*")
        return {w: records[n] for w, n in self.plan.searches()[kind].items() if n in records}

    def entries(
        self, choices: Iterable[Sequence[str]], costs: Iterable[float], nmes: Iterable[float | None]
    ) -> list[Entry]:
        """Those of the choices that have a training at least, in the order given."""
        entries = []
        for choice, cost, nme in zip(choices, costs, nmes, strict=True):
            if done := self.trainings.get(tuple(choice)):
                val, test = (tuple(r[f"{split}_nme"] for r in done) for split in ("val", "test"))
                entries.append(Entry(tuple(choice), done[0]["macs"], cost, val, test, nme))
        return entries

    def _one(self, name: str) -> dict[str, Any]:
        if record := self.ledger.results(name).get(name):
            return record
        raise BadInput(f"{self.ledger.folder}: no record {name}; `run` comes first")


def summary(ledger: Ledger, plan: Plan = PLAN) -> Summary:
    """Verdicts for table.json, tables and pictures for docs/search.md."""
    records = Records(ledger, plan)
    judged = records.judged
    sample = records.entries(records.sample, judged["costs"], judged["nmes"])
    searched = records.entries([judged["choice"]], [judged["cost"]], [None])
    if not sample:
        raise BadInput(f"{ledger.folder}: nothing of the sample is trained yet; start `run` again")
    verdicts: dict[str, Any] = {"supernet_ranks": supernet_ranks(sample, plan)}
    if searched:
        verdicts["against_chance"] = against_chance(searched[0], sample)
    if not complete([*sample, *searched], len(records.sample) + 1):
        for figures in verdicts.values():
            figures.pop("goal_reached", None)
    verdicts["tables"] = table_verdicts(records)
    unit = judged["unit"]
    sections = {
        "verdicts": table(verdict_rows(verdicts, unit)),
        "architectures": table(architecture_rows(searched, sample, unit)),
        "searches": table(search_rows(records)),
        "ablations": table([*ablation_rows(records), *weight_rows(records)]),
    }
    page = DOCS / "search.md"
    tau = _tau_line(verdicts["supernet_ranks"])
    pictures = {
        "rank.png": partial(plots.rank, sample, tau),
        "cost_error.png": partial(plots.cost_error, sample, searched, unit),
    }
    if reached := front(ledger, plan):
        pictures["front.png"] = partial(plots.budget_front, reached)
    for file in pictures:
        name = Path(file).stem
        sections[name] = picture(ledger.folder / file, page, PICTURES[name])
    return Summary(verdicts | {"front": reached}, {page: sections}, pictures)


def front(ledger: Ledger, plan: Plan = PLAN) -> dict[str, Any] | None:
    """Searches held to budgets against the sample, None before all of both are trained.

    Points of what was `searched` and `sampled`, those `searched` that are on the `front` (MACs
    against validation NME), and the test NME's `seed_spread`. A point: choice, MACs, validation
    and test NME as fractions, means over the seeds. Costs are MACs, so that neither the searches
    nor the comparison depend on a machine's latencies.
    """
    records = Records(ledger, plan)
    held = records.searches("budgets")
    if len(held) < len(plan.budgets) or not ledger.results("sample"):
        return None
    kinds = {
        "searched": list(dict.fromkeys(tuple(search["choice"]) for search in held.values())),
        "sampled": records.sample,
    }
    done = {
        kind: [records.trainings.get(choice, []) for choice in choices]
        for kind, choices in kinds.items()
    }
    if any(len(group) < len(plan.seeds) for groups in done.values() for group in groups):
        return None
    pairs = [[r["test_nme"] for r in group] for groups in done.values() for group in groups]
    points = {
        kind: [
            {
                "choice": group[0]["choice"],
                "macs": group[0]["macs"],
                **{name: fmean(r[name] for r in group) for name in ("val_nme", "test_nme")},
            }
            for group in groups
        ]
        for kind, groups in done.items()
    }
    best = pareto_front(points["searched"], lambda point: (point["macs"], point["val_nme"]))
    return points | {"front": best, "seed_spread": seed_spread(pairs)}


def table_verdicts(records: Records) -> dict[str, dict[str, Any]]:
    """By every other table, how its searches compare with those by the project's; {}: not known."""

    def chosen(kind: str) -> list[Entry]:
        searches = records.searches(kind).values()
        costs = [search.get("own_cost", search["cost"]) for search in searches]
        nmes = [None] * len(costs)
        return records.entries([search["choice"] for search in searches], costs, nmes)

    wanted = len(records.plan.search_seeds)
    own = chosen("seeds")
    verdicts = {}
    for path in records.plan.tables:
        others = chosen(path.stem)
        known = complete(own, wanted) and complete(others, wanted)
        verdicts[path.stem] = against_own_table(own, others) if known else {}
    return verdicts


def verdict_rows(verdicts: Mapping[str, Any], unit: str) -> list[Row]:
    """The tests in words, with their goals."""
    ranks, chance = verdicts["supernet_ranks"], verdicts.get("against_chance", {})
    return [
        {
            "question": "does the supernet rank?",
            "measured": _tau_line(ranks),
            "goal": f"tau of {GOAL} or {SHARE_OF_CEILING} of that between seeds",
            "reached": _answer(ranks),
        },
        {
            "question": "does the search beat chance?",
            "measured": _chance_line(chance),
            "goal": "none better by more than the spread between seeds",
            "reached": _answer(chance),
        },
        *(
            {
                "question": f"is the search by the table `{name}` as good?",
                "measured": _table_line(figures, unit),
                "goal": "none beaten by more than the spread between seeds",
                "reached": _answer(figures),
            }
            for name, figures in verdicts["tables"].items()
        ),
    ]


def _answer(figures: Mapping[str, Any]) -> str:
    return {True: "yes", False: "no", None: "not known yet"}[figures.get("goal_reached")]


def _tau_line(figures: Mapping[str, Any]) -> str:
    names = {"tau": "tau", "tau_between_seeds": "between seeds", "tau_of_size": "by size alone"}
    known = [f"{words} {Tau(**figures[name])}" for name, words in names.items() if name in figures]
    line = f"{figures['architectures']} architectures"
    return f"{line}; {', '.join(known)}" if known else line


def _chance_line(figures: Mapping[str, Any]) -> str:
    if not figures:
        return "the searched one is not trained yet"
    line = f"{figures['better']} of {figures['rivals']} that cost no more are better"
    if figures["better"]:
        line += f", the best by {percent(figures['largest_lead'])}"
    if "seed_spread" not in figures:
        return line
    return f"{line}; spread between seeds {percent(figures['seed_spread'])}"


def _table_line(figures: Mapping[str, Any], unit: str) -> str:
    if not figures:
        return "not all of its searches are trained yet"
    own, other = figures["costs"]
    own_nme, nme = (percent(error) for error in figures["errors"])
    return (
        f"{figures['beaten']} of {figures['searches']} are beaten by one of the own table at their "
        f"cost or less; {figures['layers_between_tables']:.1f} layers differ between tables, "
        f"{figures['layers_between_seeds']:.1f} between seeds; "
        f"mean cost {other:.4g} {unit}, own {own:.4g}; NME {nme}, own {own_nme}"
    )


def architecture_rows(searched: Sequence[Entry], sample: Sequence[Entry], unit: str) -> list[Row]:
    """The searched one first, then the sample by cost; test figures are reported, not used."""
    others = [entry for entry in sample if entry not in searched]
    return [
        {
            "": "searched" if entry in searched else "",
            "architecture": " ".join(entry.choice),
            "M MACs": f"{entry.macs / 1e6:.2f}",
            f"predicted {unit}": f"{entry.cost:.4g}",
            **{f"val NME, seed {i}": percent(nme) for i, nme in enumerate(entry.val, start=1)},
            "inherited val NME": percent(entry.inherited),
            "test NME": percent(mean(entry.test)),
        }
        for entry in [*searched, *sorted(others, key=lambda entry: entry.cost)]
    ]


def search_rows(records: Records) -> list[Row]:
    """A row for each finished search over the seeds, by the project's table, then by others."""
    rows = {"": records.searches("seeds")}
    rows |= {f", {path.stem}": records.searches(path.stem) for path in records.plan.tables}
    return [
        {"search": f"{name}{table}"} | _search_row(records, search)
        for table, searches in rows.items()
        for name, search in searches.items()
    ]


def ablation_rows(records: Records) -> list[Row]:
    """A row for each finished variant of the search."""
    searches = records.searches("variants")
    return [{"search": what} | _search_row(records, s) for what, s in searches.items()]


def _search_row(records: Records, search: Mapping[str, Any]) -> Row:
    """What a search chose, at what cost, how decided, how good that is alone."""
    alone = records.trainings.get(tuple(search["choice"]), [])
    layers = search["entropy"][-1]
    return {
        "architecture": " ".join(search["choice"]),
        "M MACs": f"{search['macs'] / 1e6:.2f}",
        f"predicted {search['unit']}": f"{search['cost']:.4g}",
        "entropy (most open layer)": f"{mean(layers):.2f} ({max(layers):.2f})",
        "inherited val NME": percent(search["inherited_nme"]),
        "val NME trained alone": ", ".join(percent(r["val_nme"]) for r in alone),
        "test NME": ", ".join(percent(r["test_nme"]) for r in alone),
    }


def weight_rows(records: Records) -> list[Row]:
    """The searched one under one recipe and seed, from scratch and from the supernet."""
    choice = records.judged["choice"]
    from_supernet = [
        record
        for record in records.ledger.results("trainings/*-inherited").values()
        if record["choice"] == choice
    ]
    trained = {
        "searched one, from scratch": records.trainings.get(tuple(choice), [])[:1],
        "searched one, inherited weights": from_supernet,
    }
    return [
        {
            "search": name,
            "architecture": " ".join(choice),
            "val NME trained alone": percent(record["val_nme"]),
            "test NME": percent(record["test_nme"]),
        }
        for name, done in trained.items()
        for record in done
    ]
