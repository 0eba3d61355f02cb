"""Kills and stops every stage at many moments, and checks what is left: `make torture`.

Each trial starts a stage in a scratch folder, sends a signal after a part of the time that it
takes, and runs it again to its end. Prints the table of docs/reliability.md; exit code 1 where a
promise was broken.
"""

import argparse
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
STAGES = ("fetch", "lut", "search", "retrain", "export", "bench", "report")
TIMED = ("latency.json", "heatmap.png", "bench", "report")
"""Files and stages that hold timings: other bytes each time."""
PF_EXITING = 0x4
"""Of the flags in /proc/PID/stat (Linux, include/linux/sched.h)."""
KILLS, STOPS = ("SIGKILL",), ("SIGTERM", "SIGINT", "SIGHUP")
CHANGES = {
    "mlflow.enabled": False,
    "search.cost": "macs",
    "lut.max_seconds": 1.0,
    "fetch.synthetic.supersampling": 1,
}
"""On top of the profile tiny."""


@dataclass(frozen=True)
class Trial:
    """One signal to one stage, and what was seen."""

    stage: str
    signal: str
    came: str
    """early: before the command listens; in time; late: after its end, or at its exit."""
    code: int
    lines: int
    """Lines on stderr."""
    traceback: bool
    waited_s: float
    """From the signal to the end of the process."""
    left: int
    """Temporary files that lie there after the second run."""
    same: bool
    """Whether the second run left the bytes of an undisturbed one."""

    @property
    def kept(self) -> bool:
        """Whether all that docs/reliability.md promises holds."""
        orderly = self.signal in KILLS or self.came != "in time"
        orderly |= self.code == 1 and self.lines == 1 and not self.traceback
        return orderly and self.same and self.left == 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the sweep; returns 0 where all promises held."""
    parser = argparse.ArgumentParser(prog="tools/torture.py", description=__doc__)
    parser.add_argument("--moments", type=int, default=6, help="for each stage and kind")
    parser.add_argument("--stages", nargs="+", default=STAGES, choices=STAGES)
    every = (*KILLS, *STOPS)
    parser.add_argument("--signals", nargs="+", default=every, choices=every)
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="torture-") as scratch:
        folder, seconds = Path(scratch), {}
        prepare(folder)
        for stage in STAGES:
            begun = time.monotonic()
            done = run(folder, stage)
            seconds[stage] = time.monotonic() - begun
            print(f"{stage}: {seconds[stage]:.1f} s undisturbed", flush=True)
            if done.returncode:
                print(done.stderr, file=sys.stderr)
                return 1
        trials = []
        for moment in range(given.moments):
            for stage in given.stages:
                delay = seconds[stage] * (moment + 0.5) / given.moments
                for kind in (KILLS, STOPS):
                    if not (names := [name for name in kind if name in given.signals]):
                        continue
                    trial = disturb(folder, stage, names[moment % len(names)], delay)
                    trials.append(trial)
                    print("kept" if trial.kept else "BROKEN", trial, flush=True)
            print(table(trials), flush=True)
    return int(not all(trial.kept for trial in trials))


def prepare(folder: Path) -> None:
    """A small project: params, the head, dvc.yaml, and the code by the path."""
    sys.path.insert(0, str(ROOT))
    from stages.changes import checked_text, profile
    from stages.params import render

    (folder / "params.yaml").write_text(render({}))
    changes = profile(str(ROOT / "profiles/tiny.yaml")) | CHANGES
    text, _ = checked_text(changes, folder / "params.yaml")
    (folder / "params.yaml").write_text(text)
    shutil.copy(ROOT / "dvc.yaml", folder)
    for name in ("data", "fbnet", "stages", "benchmarks"):
        (folder / name).symlink_to(ROOT / name)


def start(folder: Path, stage: str) -> subprocess.Popen[str]:
    """The stage as DVC starts it, in a session of its own."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(folder)}
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", f"stages.{stage}"],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Under nohup a hang-up is ignored, and a stage would rightly go on ignoring it.
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    )


def run(folder: Path, stage: str) -> subprocess.CompletedProcess[str]:
    """The stage to its end."""
    process = start(folder, stage)
    _, errors = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, "", errors)


def disturb(folder: Path, stage: str, name: str, delay: float) -> Trial:
    """Send one signal after `delay` seconds, then run the stage again."""
    expected, results = digests(folder, stage), folder / "results" / stage
    shutil.rmtree(results)
    process = start(folder, stage)
    came = "late"
    try:
        process.wait(delay)
    except subprocess.TimeoutExpired:
        came = "late" if exiting(process.pid) else "in time"
        os.killpg(process.pid, getattr(signal, name))
    sent = time.monotonic()
    _, errors = process.communicate()
    waited, code = time.monotonic() - sent, process.returncode
    traceback = "Traceback" in errors
    if (code == -getattr(signal, name) and name not in KILLS) or (
        traceback and errors.endswith("KeyboardInterrupt\n")
    ):
        came = "early"
    again = run(folder, stage)
    return Trial(
        stage,
        name,
        came,
        code,
        len(errors.splitlines()),
        traceback,
        waited,
        len(list(results.rglob(".*"))),
        again.returncode == 0 and digests(folder, stage) == expected,
    )


def exiting(process: int) -> bool:
    """Whether the kernel takes a process down already: its memory needs a tenth of a second."""
    stat = Path(f"/proc/{process}/stat").read_text()
    return bool(int(stat.rpartition(")")[2].split()[6]) & PF_EXITING)


def digests(folder: Path, stage: str) -> dict[str, str]:
    """SHA-256 of every file of the stage but those that hold timings."""
    if stage in TIMED:
        return {}
    files = sorted(p for p in (folder / "results" / stage).rglob("*") if p.is_file())
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if path.name not in TIMED
    }


def table(trials: Sequence[Trial]) -> str:
    """The figures as Markdown, a row for each stage and kind."""
    rows = [
        "| stage | signal | moments | in time | one line, exit code 1 | longest wait | same bytes "
        "afterwards | nothing left |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for stage in dict.fromkeys(trial.stage for trial in trials):
        for kind, names in {"kill": KILLS, "stop": STOPS}.items():
            own = [t for t in trials if t.stage == stage and t.signal in names]
            if not own:
                continue
            timely = [t for t in own if t.came == "in time"]
            orderly = sum(t.code == 1 and t.lines == 1 for t in timely)
            wait = max((t.waited_s for t in timely), default=0.0)
            stop = [f"{orderly} of {len(timely)}", f"{wait:.1f} s"] if kind == "stop" else ["", ""]
            cells = [stage, kind, str(len(own)), str(len(timely)), *stop]
            cells += [
                f"{sum(t.same for t in own)} of {len(own)}",
                f"{sum(t.left == 0 for t in own)} of {len(own)}",
            ]
            rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())
