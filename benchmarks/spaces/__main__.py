"""What widths, strides, depth and input are worth, and what searches find in three spaces.

`run` trains every net of NETS from scratch by the short recipe of `benchmarks.nas_table`, two seeds
each, and times all of them in turn in each engine. It searches within each budget of FRONT, trains
what was found in the same way, and times these too. `table` writes the tables of docs/search.md.
The profile `mobile` holds the spaces that came of it.
"""

import argparse
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from benchmarks.core import Benchmark, head_option
from benchmarks.core.jobs import Job
from benchmarks.core.ledger import Ledger
from benchmarks.nas_table import AUGMENT, FACES, SHORT
from benchmarks.spaces import ENGINES, FRONT, NETS, SEEDS, TIMING

if TYPE_CHECKING:
    from benchmarks.spaces.work import Stated


def jobs(given: argparse.Namespace, ledger: Ledger) -> list[Job]:
    """The stated nets, the searches, and, as far as these are done, the nets that they found."""
    from benchmarks.ranking.work import Inputs, search
    from benchmarks.spaces.work import Stated, spaces
    from fbnet.params import SearchParams

    known = spaces()
    stated = {name: Stated(net.space, net.choice, net.size) for name, net in NETS.items()}
    declared = _trainings(stated, given, ledger)
    declared += _timings("latency", {name: net._asdict() for name, net in NETS.items()}, stated)
    for name, (space, size, macs) in FRONT.items():
        folder, faces = _faces(size, given, ledger)
        params = SearchParams(cost="macs", mode="target", target_macs=macs)
        setting = {
            "space": known[space].model_dump(mode="json", exclude_defaults=True),
            "faces": faces,
            "variant": "base",
            "search": params.model_dump(exclude={"method", "predictor"}),
        }
        declared.append(Job(f"searched/{name}", setting, search, Inputs(folder, known[space])))
    found = {
        f"front/{name}": Stated(known[budget.space], tuple(searched["choice"]), budget.size)
        for name, budget in FRONT.items()
        if (searched := ledger.results("searched/*").get(f"searched/{name}"))
    }
    declared += _trainings(found, given, ledger)
    if len(found) == len(FRONT):
        choices = {name: list(net.choice) for name, net in found.items()}
        declared += _timings("front/latency", choices, found)
    return declared


def _timings(name: str, described: Any, nets: "Mapping[str, Stated]") -> list[Job]:
    """A timing of all nets in each engine; `described` is what of them it depends on."""
    from benchmarks.spaces.work import time_all

    settings = {engine: {"engine": engine, "nets": described, **TIMING} for engine in ENGINES}
    return [Job(f"{name}_{e}", setting, time_all, nets) for e, setting in settings.items()]


def _trainings(
    nets: "Mapping[str, Stated]", given: argparse.Namespace, ledger: Ledger
) -> list[Job]:
    """Both seeds' trainings of each net by the short recipe."""
    from benchmarks.nas_table.work import Inputs, train

    declared = []
    for name, net in nets.items():
        folder, faces = _faces(net.size, given, ledger)
        common = {
            "space": net.space.model_dump(mode="json", exclude_defaults=True),
            "faces": faces,
            "choice": list(net.choice),
            "retrain": dict(SHORT),
            "augment": dict(AUGMENT),
        }
        inputs = Inputs(folder, net.space)
        declared += [
            Job(f"{name}-{seed}", common | {"seed": seed}, train, inputs) for seed in SEEDS
        ]
    return declared


def _faces(size: int, given: argparse.Namespace, ledger: Ledger) -> tuple[Any, str]:
    """Folder of the NAS table's faces at an input of `size` pixels, and their identity."""
    from benchmarks.core.faces import identity, load_faces
    from benchmarks.nas_table.work import render_faces

    folder = render_faces({**FACES, "size": size}, given.data, ledger.work)
    return folder, identity(load_faces(folder, ledger.work))


def _summary(ledger: Ledger) -> Any:
    from benchmarks.spaces.table import summary

    return summary(ledger)


BENCHMARK = Benchmark("spaces", __doc__, jobs, _summary, head_option)

if __name__ == "__main__":
    sys.exit(BENCHMARK.main())
