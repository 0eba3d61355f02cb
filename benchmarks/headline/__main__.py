"""The searched subnet against public nets under one recipe, and each at its best.

A training leaves its figures in benchmarks/results/headline and its weights, which others may
begin with or learn from, outside git. The job `latency` times all nets; let nothing else run
meanwhile. `table` writes table.json, docs/headline.md and the table in README.md.
"""

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.core import DOCS, ROOT, Benchmark, Summary
from benchmarks.core.jobs import Job, digest
from benchmarks.core.ledger import Ledger
from benchmarks.headline import FOLDS, MODELS, PHOTOGRAPHS, RECIPES, RENDERED, SUBNET, Recipe

if TYPE_CHECKING:
    from benchmarks.headline.work import Inputs, Subnet

SEARCHED = Path(__file__).with_name("architecture.json")
"""The net compared here; it stays while the default search changes."""
TIMED = {"size": 112, "seconds": 60.0, "points": {RENDERED: 106, PHOTOGRAPHS: 68}}
"""Setting of the job `latency`."""
NETS = "nets.png"
"""Latency against error of all nets."""


@dataclass(frozen=True)
class Plan:
    """Declares the trainings.

    faces: digest of each data set at hand. inputs: of the jobs on each of them.
    """

    recipes: Mapping[str, Recipe]
    faces: Mapping[str, str]
    inputs: "Mapping[str, Inputs]"

    def jobs(self) -> list[Job]:
        """All trainings on the data sets at hand.

        The first run of each model comes before the second of any, cheap models first, and a
        model's trials of learning rates before its first run.
        """
        jobs: dict[str, Job] = {}
        for name, recipe in self.recipes.items():
            for data in self.faces:
                for run in range(1, max(recipe.runs[data].values()) + 1):
                    for model in (m for m, runs in recipe.runs[data].items() if run <= runs):
                        job = self.training(model, data, name, run)
                        own = self.trials(model, name) if data == RENDERED else []
                        jobs |= {j.name: j for j in (*own, job)}
        return list(jobs.values())

    def trials(self, model: str, name: str) -> list[Job]:
        """The tuning of a model: on rendered faces for both data sets.

        Those are more: on the photographs a trial has too few steps for some nets to leave the
        mean face.
        """
        rates = self.recipes[name].rates.get(model, ())
        return [self._trial(model, name, rate) for rate in rates]

    def _trial(self, model: str, name: str, rate: float) -> Job:
        recipe = self.recipes[name]
        setting = self._setting(model, RENDERED, name, 1)
        setting["retrain"] |= {"epochs": recipe.trial_epochs, "lr": rate}
        return self._job(f"{RENDERED}/{name}/trials/{model}-{rate:g}", setting, {}, "")

    def training(self, model: str, data: str, name: str, run: int) -> Job:
        """A training of full length, which needs trials and perhaps a teacher and a start."""
        recipe = self.recipes[name]
        tuned_by = name if recipe.rates else recipe.tuned_by
        needs: dict[str, list[Job]] = {"trials": self.trials(model, tuned_by)}
        if start := recipe.start.get(data):
            needs["start"] = [self.training(model, *start, 1)]
        if teacher := recipe.teachers.get((data, model)):
            # Rendered faces are split once: one teacher serves all seeds.
            taught_on = run if data == PHOTOGRAPHS else 1
            needs["teacher"] = [self.training(teacher[0], data, teacher[1], taught_on)]
        setting = self._setting(model, data, name, run)
        if teacher:
            setting |= {"teacher_model": teacher[0], "teacher_weight": recipe.teacher_weight}
        return self._job(f"{data}/{name}/{model}-{run}", setting, needs, ".safetensors")

    def _setting(self, model: str, data: str, name: str, run: int) -> dict[str, Any]:
        recipe = self.recipes[name]
        return {
            "model": model,
            "data": data,
            "recipe": name,
            "run": run,
            "faces": self.faces[data],
            "folds": FOLDS if data == PHOTOGRAPHS else None,
            "net": subnet_setting(self.inputs[data].subnet) if model == SUBNET else None,
            "retrain": {**recipe.retrain, "seed": run, "epochs": recipe.epochs[data]},
        }

    def _job(
        self, name: str, setting: dict[str, Any], needs: Mapping[str, list[Job]], leaves: str
    ) -> Job:
        from benchmarks.headline.work import train

        setting |= {role: [job.name for job in jobs] for role, jobs in needs.items()}
        all_needs = tuple(job for jobs in needs.values() for job in jobs)
        return Job(name, setting, train, self.inputs[setting["data"]], all_needs, leaves)


def subnet_setting(subnet: "Subnet") -> dict[str, Any]:
    """What a result depends on where it is the subnet's: its space, by a digest, and its blocks."""
    space = subnet.space.model_dump(exclude_defaults=True)
    return {"space": digest(space), "blocks": list(subnet.blocks)}


def jobs(given: argparse.Namespace, ledger: Ledger) -> list[Job]:
    """All trainings on the face sets that were given, then the timing."""
    from benchmarks.core.faces import identity, load_faces
    from benchmarks.headline.work import Inputs, Subnet, latencies
    from fbnet.files import read_json
    from fbnet.params import NNI_SPACE

    subnet = Subnet(NNI_SPACE, read_json(SEARCHED)["choice"])
    folders = {RENDERED: given.rendered}
    if given.photographs:
        folders[PHOTOGRAPHS] = given.photographs
    faces = {data: identity(load_faces(f, ledger.work)) for data, f in folders.items()}
    inputs = {data: Inputs(folder, subnet) for data, folder in folders.items()}
    timing = {**TIMED, "models": MODELS, "net": subnet_setting(subnet)}
    return [*Plan(RECIPES, faces, inputs).jobs(), Job("latency", timing, latencies, subnet)]


def summary(ledger: Ledger) -> Summary:
    """Rows of table.json, and the tables of docs/headline.md and README.md."""
    from benchmarks.core import RESULTS
    from benchmarks.core.page import picture
    from benchmarks.headline import plots, table
    from benchmarks.headline.goals import verdicts
    from benchmarks.ranking.table import front

    readme, records = ROOT / "README.md", table.records(ledger)
    rows = table.rows(records, ledger.results("latency").get("latency", {}))
    goals = verdicts(records, rows, front(Ledger(RESULTS / "ranking", ledger.work)))
    return Summary(
        rows,
        {
            DOCS / "headline.md": {"tables": table.tables(rows), "goals": table.goals(goals)},
            readme: {
                "headline": table.digest(rows),
                "nets": picture(ledger.folder / NETS, readme, "Latency against error"),
            },
        },
        {NETS: partial(plots.latency_error, rows)},
    )


def options(parser: argparse.ArgumentParser) -> None:
    """Where the faces lie."""
    parser.add_argument(
        "--rendered", type=Path, default=Path("results/fetch/faces"), metavar="FOLDER",
        help="rendered face set of the fetch stage (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--photographs", type=Path, metavar="FOLDER",
        help="photographs in any layout that `fetch` reads; without it only rendered faces",
    )  # fmt: skip


BENCHMARK = Benchmark("headline", __doc__, jobs, summary, options)

if __name__ == "__main__":
    sys.exit(BENCHMARK.main())
