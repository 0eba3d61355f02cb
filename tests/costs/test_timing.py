import math
import platform
import statistics
from collections.abc import Iterator
from itertools import chain, count, repeat
from pathlib import Path

import pytest

from fbnet.costs import timing
from fbnet.costs.timing import BURST, FEWEST, Timing, cpu_model, measure


def test_a_summary() -> None:
    summary = Timing.of([3.0, 1.0, 2.0, 2.0])
    assert (summary.n, summary.min, summary.median, summary.mean) == (4, 1.0, 2.0, 2.0)
    assert summary.std == pytest.approx(0.5**0.5)
    assert summary.ci == 1  # so few samples say nothing of it
    assert Timing.of([2.0] * 50).ci == 0
    assert Timing.of([3.0, 1.0, 2.0, 2.0, 2.0, 2.0]).ci == pytest.approx(0.5)


@pytest.mark.parametrize("count", [FEWEST, 7, 8, 9, 12, 30, 31, 100, 101, 500])
def test_the_interval_holds_the_median_of_any_distribution(count: int) -> None:
    """Counts samples below the median: binomial, whatever they are."""
    samples = [float(i) for i in range(1, count + 1)]
    low = samples[max(0, count // 2 - math.ceil(0.98 * math.sqrt(count)))]
    high = samples[min(count - 1, count // 2 + math.ceil(0.98 * math.sqrt(count)))]
    assert Timing.of(samples).ci == pytest.approx((high - low) / 2 / statistics.median(samples))
    held = sum(math.comb(count, below) for below in range(int(low), int(high))) / 2**count
    assert held >= 0.95


def test_models_take_turns() -> None:
    order: list[str] = []
    calls = {name: lambda name=name: order.append(name) for name in "ab"}
    times = measure(calls, warmup=3, rounds=2, ci_target=1.0, max_seconds=0.0)
    burst = BURST + 1
    assert order == ["a"] * 3 + ["b"] * 3 + ["a"] * burst + ["b"] * burst
    assert [times[name].n for name in "ab"] == [1, 1]


def fake(monkeypatch: pytest.MonkeyPatch, samples: Iterator[float], seconds: float = 0.0) -> None:
    """Replace the clock: every burst takes the next sample, every look at the time `seconds`."""
    ticks = (n * seconds for n in count())
    monkeypatch.setattr(timing, "_burst_ms", lambda call: next(samples))
    monkeypatch.setattr(timing.time, "monotonic", lambda: next(ticks))


def run(rounds: int) -> int:
    times = measure({"a": object}, warmup=0, rounds=rounds, ci_target=0.02, max_seconds=10.0)
    return times["a"].n


def test_a_steady_model_stops_after_the_rounds_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    fake(monkeypatch, repeat(1.0))
    assert run(rounds=30) == 30


def test_an_unsteady_one_goes_on_until_its_median_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake(monkeypatch, chain([1.0, 2.0] * 15, repeat(1.0)))
    assert 30 < run(rounds=30) < 300


def test_time_ends_it_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    fake(monkeypatch, (1.0 + n % 2 for n in count()), seconds=1.0)
    assert run(rounds=5) == 10


PI = (
    "processor : 0\nmodel name : \nCPU implementer : 0x41\nCPU part : 0xd0b\n\nHardware : BCM2835\n"
)
PHONE = PI + "\nprocessor : 1\nCPU implementer : 0x41\nCPU part : 0xd05\n"


@pytest.mark.parametrize(
    ("cpuinfo", "board", "expected"),
    [
        ("processor : 0\nmodel name : Xeon: 6\nmodel name : other\n", "", "Xeon: 6"),
        (PI, "Raspberry Pi 4 Model B Rev 1.4\0", "Raspberry Pi 4 Model B Rev 1.4"),
        (PHONE, "", f"{platform.machine()} 0x41 0xd05, 0x41 0xd0b"),
    ],
)
def test_processors_are_told_apart(tmp_path: Path, cpuinfo: str, board: str, expected: str) -> None:
    tree = tmp_path / "proc/device-tree"
    tree.mkdir(parents=True)
    (tmp_path / "proc/cpuinfo").write_text(cpuinfo)
    if board:
        (tree / "model").write_text(board)
    assert cpu_model(tmp_path) == expected


def test_the_processor_has_a_name(tmp_path: Path) -> None:
    assert cpu_model()
    assert cpu_model(tmp_path)
