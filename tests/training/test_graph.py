"""Steps as graphs: the same as eager ones. Without a GPU a replay that calls again stands in."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from fbnet.faces.faceset import FaceSet
from fbnet.nets.pfld import build_auxnet, build_subnet
from fbnet.params import AugmentParams, RetrainParams, SearchParams, SpaceParams
from fbnet.search.loop import Search
from fbnet.training import graph
from fbnet.training.graph import Graphed
from fbnet.training.resident import ResidentFaces
from fbnet.training.retrain import Retraining

CPU = torch.device("cpu")


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """A capture without CUDA: outputs keep their place, and every replay overwrites them."""

    def capture(body: Callable[[], Any], generators: Any) -> tuple[Callable[[], None], Any]:
        outputs = body()
        several = outputs if isinstance(outputs, tuple) else (outputs,)

        def replay() -> None:
            again = body()
            for old, new in zip(
                several, again if isinstance(again, tuple) else (again,), strict=True
            ):
                old.copy_(new)

        return replay, outputs

    monkeypatch.setattr(graph, "warm_up", lambda body, device: [body() for _ in range(3)])
    monkeypatch.setattr(graph, "capture", capture)


def enabled(graphed: Graphed) -> Graphed:
    graphed.enabled = True
    return graphed


def test_replays_give_what_calls_give_and_the_warm_up_leaves_no_trace(stand_in: None) -> None:
    total, made = torch.zeros(3), {}
    generator = torch.Generator().manual_seed(5)

    def body(x: torch.Tensor, times: int) -> torch.Tensor:
        made.setdefault("moments", torch.zeros(3)).add_(1)
        total.add_(times * x + torch.rand(3, generator=generator))
        return total.sum()

    def written() -> list[torch.Tensor]:
        return [total, *made.values()]

    graphed = enabled(Graphed("sum", body, CPU, written=written, generators=[generator]))
    results = [graphed(torch.full((3,), float(n)), 2) for n in range(4)]
    plain = torch.Generator().manual_seed(5)
    expected, sums = torch.zeros(3), []
    for n in range(4):
        expected += 2 * n + torch.rand(3, generator=plain)
        sums.append(expected.sum().item())
    assert [r.item() for r in results] == pytest.approx(sums)
    assert made["moments"].tolist() == [4, 4, 4]


def test_another_shape_is_another_graph(stand_in: None) -> None:
    graphed = enabled(Graphed("twice", lambda x: (2 * x, x + 1), CPU))
    for size in (2, 3, 2):
        double, more = graphed(torch.ones(size))
        assert double.tolist() == [2.0] * size and more.tolist() == [2.0] * size
    assert len(graphed._graphs) == 2
    graphed.forget()
    assert not graphed._graphs


def test_a_refused_capture_is_said_once_and_runs_eagerly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: Any) -> None:
        raise RuntimeError("operation not permitted\nwhen capturing")

    monkeypatch.setattr(graph, "warm_up", lambda body, device: body())
    monkeypatch.setattr(graph, "capture", refuse)
    total = torch.zeros(())
    graphed = enabled(
        Graphed("step", lambda x: total.add_(x).clone(), CPU, written=lambda: [total])
    )
    assert [graphed(torch.ones(())).item() for _ in range(3)] == [1, 2, 3]
    line = "step: no CUDA graph (operation not permitted); kernels are launched one by one\n"
    assert capsys.readouterr().out == line


def test_on_a_cpu_nothing_is_captured() -> None:
    assert not Graphed("step", lambda x: x, CPU).enabled


def retraining(faces: FaceSet, space: SpaceParams, graphs: bool) -> Retraining:
    params = RetrainParams(epochs=3, min_steps=0, batch=16, lr=0.01, ema=0.8)
    net = build_subnet(space, faces.points, ("sep_k3", "mb_k3", "mb_k3"), faces.size, seed=1)
    run = Retraining(faces, net, build_auxnet(faces.size), params, AugmentParams())
    run.resident = ResidentFaces(faces, AugmentParams(), CPU)
    if graphs:
        enabled(run.resident._cut)
        enabled(run.learner._graphed)
    return run


def test_a_retraining_from_graphs_is_the_eager_one(
    faces: FaceSet, space: SpaceParams, stand_in: None
) -> None:
    eager, graphed = (retraining(faces, space, graphs) for graphs in (False, True))
    eager.run()
    graphed.run()
    assert graphed.history == eager.history
    # Batches of 16 and a last one of 12.
    assert len(graphed.learner._graphed._graphs) == 2
    weights = graphed.best["weights"]
    assert all(torch.equal(weights[k], v) for k, v in eager.best["weights"].items())


def test_a_resumed_retraining_from_graphs_draws_what_it_would_have(
    faces: FaceSet, space: SpaceParams, stand_in: None
) -> None:
    unbroken = retraining(faces, space, True)
    unbroken.run()
    broken, resumed = (retraining(faces, space, True) for _ in range(2))
    broken.run_epoch()
    resumed.run_epoch()  # captured before it is restored
    resumed.restore(broken.state())
    resumed.run()
    assert resumed.history == unbroken.history


@pytest.mark.parametrize(
    ("sampling", "changes"),
    [
        ("soft", {}),
        ("hard", {}),
        ("few_path", {}),
        ("soft", {"mode": "target", "target_ms": 25.0}),
    ],
)
def test_a_search_from_graphs_is_the_eager_one(
    faces: FaceSet, space: SpaceParams, stand_in: None, sampling: str, changes: dict[str, Any]
) -> None:
    from fbnet.costs.lut import Lut

    layers = tuple({b: 1.0 + 20.0 * (j > 0) for j, b in enumerate(ops)} for ops in space.layer_ops)
    params = SearchParams(
        epochs=2, warmup_epochs=1, batch=16, arch_batch=4, nas_lr=3.0, min_steps=0,
        calibration_faces=16, sampling=sampling, proxy_share=1.0,
    ).model_copy(update=changes)  # fmt: skip

    def search(graphs: bool) -> Search:
        run = Search(faces, space, Lut("ms", layers, 1.0, "drawn"), params, AugmentParams())
        run.resident = ResidentFaces(faces, AugmentParams(), CPU)
        if graphs:
            enabled(run.learner._graphed)
            enabled(run._graphed)
        return run

    eager, graphed = search(False), search(True)
    eager.run()
    graphed.run()
    assert graphed.history == eager.history
    assert graphed.probabilities == eager.probabilities
    assert bool(graphed._graphed._graphs) is (sampling != "few_path")
