"""What a space's widths, strides, depth and input are worth: one net of each, trained and timed.

`run` trains every net of NETS from scratch by the short recipe of `benchmarks.nas_table`, two seeds
each, and times all of them in turn in each engine. `table` writes the table of docs/search.md. The
profile `mobile` searches the space that came of it.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.core import DOCS, Benchmark, Summary, head_option
from benchmarks.core.jobs import Job
from benchmarks.core.ledger import Ledger
from benchmarks.core.page import percent, table
from benchmarks.nas_table import AUGMENT, FACES, SHORT

if TYPE_CHECKING:
    from fbnet.params import SpaceParams

ENGINES = ("onnxruntime", "mnn")
SEEDS = (1, 2)
TIMING: Mapping[str, Any] = {"warmup": 20, "rounds": 200, "ci_target": 0.01, "max_seconds": 60.0}
Stage = tuple[int, int, Sequence[str]]
"""Channels, stride of the first layer, and the block of each layer."""


class Net(NamedTuple):
    """An architecture as data: what is special, its stages, its fixed widths, its input."""

    about: str
    stages: Sequence[Stage]
    widths: Mapping[str, int] = {}
    """`stem_channels`, `trunk_channels`, `head_channels` where they are not NNI's."""
    size: int = 112

    @property
    def choice(self) -> tuple[str, ...]:
        """The block of each layer."""
        return tuple(block for _, _, blocks in self.stages for block in blocks)

    @property
    def space(self) -> "SpaceParams":
        """A space that holds this architecture."""
        from fbnet.params import SpaceParams, StageParams

        stages = (
            StageParams(
                ops=tuple(dict.fromkeys(blocks)),
                layer_num=len(blocks),
                channels=channels,
                stride=stride,
            )
            for channels, stride, blocks in self.stages
        )
        return SpaceParams(stages=tuple(stages), **self.widths)


NNI_BEST = ("mb_k5_e2_res_se", "mb_k3_e4_res", "mb_k3_e4_res")
PLAIN: Sequence[Stage] = (
    (32, 1, ("mb_k3_res", "mb_k5_res")), (64, 2, ("mb_k5_e2_res", "mb_k5_res", "gh_k5")),
)  # fmt: skip
WIDE: Sequence[Stage] = ((48, 1, ("mb_k5_res",)), (96, 2, ("mb_k5_res", "mb_k5_res")))

NETS: Mapping[str, Net] = {
    "nni": Net(
        "NNI's space, as the default's search chose",
        (
            (32, 1, ("mb_k3_res", "mb_k5_res")),
            (64, 2, ("mb_k5_e2_res_se", "mb_k5_res_se", "gh_k5")),
        ),
    ),
    "nni_best": Net(
        "NNI's space, the best of docs/search.md's sample",
        ((32, 1, ("mb_k3_res_d3", "mb_k3_e2_res")), (64, 2, NNI_BEST)),
    ),
    "plain": Net("the same without squeeze and excitation", PLAIN),
    "separable": Net("separable blocks", ((32, 1, ("sep_k5",) * 2), (64, 2, ("sep_k5",) * 3))),
    "stem_8": Net("plain, half of the stem's channels", PLAIN, {"stem_channels": 8}),
    "short": Net("two layers, both on 7x7", ((64, 2, ("mb_k5_e4_res", "mb_k5_e2_res")),)),
    "wide": Net("three layers, half as wide again", WIDE, {"trunk_channels": 48}),
    "widest": Net(
        "two layers, both on 7x7, twice as wide",
        ((128, 2, ("mb_k5_res", "mb_k5_res")),),
        {"trunk_channels": 64},
    ),
    "head_48": Net("wide, a narrower head", WIDE, {"trunk_channels": 48, "head_channels": 48}),
    "input_96": Net("wide, at an input of 96", WIDE, {"trunk_channels": 48}, 96),
}
"""One thing at a time, from NNI's net on."""


def jobs(given: argparse.Namespace, ledger: Ledger) -> list[Job]:
    """Two trainings of each net, and one timing of all of them in each engine."""
    from benchmarks.core.faces import identity, load_faces
    from benchmarks.nas_table.work import Inputs, render_faces, train

    declared = []
    for name, net in NETS.items():
        folder = render_faces({**FACES, "size": net.size}, given.data, ledger.work)
        common = {
            "space": net.space.model_dump(mode="json", exclude_defaults=True),
            "faces": identity(load_faces(folder, ledger.work)),
            "choice": list(net.choice),
            "retrain": dict(SHORT),
            "augment": dict(AUGMENT),
        }
        inputs = Inputs(folder, net.space)
        declared += [
            Job(f"{name}-{seed}", common | {"seed": seed}, train, inputs) for seed in SEEDS
        ]
    nets = {name: net._asdict() for name, net in NETS.items()}
    settings = {engine: {"engine": engine, "nets": nets, **TIMING} for engine in ENGINES}
    return declared + [Job(f"latency_{e}", setting, time_all) for e, setting in settings.items()]


def time_all(job: Job, ledger: Ledger) -> dict[str, Any]:
    """Median latency in ms of each net, and each over that of NNI's, timed in turn."""
    from fbnet.costs.measure import calls, machine, net_model
    from fbnet.costs.timing import measure

    engine, points = job.setting["engine"], FACES["synthetic"]["points"]
    models = {n: net_model(net.space, points, net.choice, net.size) for n, net in NETS.items()}
    timed = measure(calls(models, engine), **TIMING)
    medians = {name: timing.median for name, timing in timed.items()}
    ratios = {name: median / medians["nni"] for name, median in medians.items()}
    return {"latency_ms": medians, "to_nni": ratios, **machine(engine)}


def summary(ledger: Ledger) -> Summary:
    """The table of docs/search.md."""
    results = ledger.results()
    figures = [row for name, net in NETS.items() if (row := _row(name, net, results))]
    rows = [
        {
            "net": f"{row['net']}: {row['about']}",
            "M MACs": f"{row['macs'] / 1e6:.2f}",
            "validation NME": percent(row["val_nme"]),
            "test NME": percent(row["test_nme"]),
            **{f"latency, {e}": f"{ratio:.2f}" for e, ratio in row["to_nni"].items()},
        }
        for row in figures
    ]
    return Summary(figures, {DOCS / "search.md": {"spaces": table(rows)}})


def _row(name: str, net: Net, results: Mapping[str, Any]) -> dict[str, Any] | None:
    """The figures of a net, means over its seeds; None before all of them are trained."""
    names = [f"{name}-{seed}" for seed in SEEDS]
    if not results.keys() >= set(names):
        return None
    runs = [results[name] for name in names]
    timed = {engine: results.get(f"latency_{engine}") for engine in ENGINES}
    return {
        "net": name,
        "about": net.about,
        "macs": int(runs[0]["macs"]),
        **{key: fmean(float(run[key]) for run in runs) for key in ("val_nme", "test_nme")},
        "to_nni": {engine: record["to_nni"][name] for engine, record in timed.items() if record},
    }


BENCHMARK = Benchmark("spaces", __doc__, jobs, summary, head_option)

if __name__ == "__main__":
    sys.exit(BENCHMARK.main())
