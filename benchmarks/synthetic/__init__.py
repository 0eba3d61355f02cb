"""Which rendered faces teach a net about photographs, and how fast they are rendered.

A trial renders faces with `fetch.synthetic` changed, trains one fixed net on them alone, and scores
it on photographs: on a third of them (by a hash of their names) where it is to choose what is
rendered, on the other two thirds, once, where that is decided. `trials.csv` beside this module
declares the trials, a line each; what was tried as a change of the renderer's code keeps the same
`set`.
"""

import csv
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fbnet.errors import BadInput

TRIALS = Path(__file__).with_name("trials.csv")
NETS = {
    "small": ("mb_k3_res_d3", "mb_k3_e2_res", "mb_k5_res", "mb_k5_res", "mb_k5_res"),
    "searched": ("mb_k3_e2_res", "mb_k3_res", "mb_k5_res", "mb_k5_res_se", "gh_k5"),
}
"""The nets of the trials: blocks of NNI's space, one for each searchable layer."""
PARTS = {"choosing": (0,), "final": (1, 2)}
"""Thirds of the photographs: one chooses, two are scored once."""
RATE = {"images": 400, "workers": 2}
"""Setting of the job that times the renderer."""
BANDS = {"yaw_0_15": (0.0, 15.0), "yaw_15_30": (15.0, 30.0), "yaw_30_90": (30.0, 181.0)}
"""Columns of NME by head turn: ranges of the absolute yaw in degrees."""


@dataclass(frozen=True)
class Trial:
    """A line of trials.csv.

    name: what is new. against: name of the trial that it is held against. kept: whether the change
    stayed. set: changes of `fetch.synthetic`. net: a name of NETS. start: `scratch`, or `subnet`,
    weights of the same net to start from. seed: of pictures, weights and training. With 0 epochs
    only the last layer is fitted. part: a name of PARTS.
    """

    name: str
    against: str
    kept: str
    set: str
    net: str
    start: str
    seed: int
    faces: int
    epochs: int
    part: str

    @property
    def changes(self) -> dict[str, Any]:
        """`set` as params. Raises BadInput for what is not KEY=VALUE."""
        import yaml

        pairs = [word.partition("=") for word in self.set.split()]
        if wrong := [key for key, equals, _ in pairs if not equals]:
            raise BadInput(f"{TRIALS.name}: {self.name}: set {wrong[0]}: give KEY=VALUE")
        return {key: yaml.safe_load(value) for key, _, value in pairs}

    @property
    def record(self) -> str:
        """Name of the trial's record."""
        name = re.sub(r"\W+", "_", self.name)
        points = self.changes.get("points", 106)
        return f"{self.part}/{name}-{points}-{self.start}-{self.faces}x{self.epochs}-{self.seed}"


def read_trials(path: Path = TRIALS) -> list[Trial]:
    """All declared trials. Raises BadInput for a number that is none, a net or part unknown."""
    trials = []
    with open(path, newline="") as stream:
        for number, row in enumerate(csv.DictReader(stream), start=2):
            try:
                numbers: dict[str, Any] = {n: int(row[n]) for n in ("seed", "faces", "epochs")}
                trial = Trial(**{**row, **numbers})
                _ = NETS[trial.net], PARTS[trial.part]
            except (KeyError, TypeError, ValueError) as fault:
                raise BadInput(f"{path}:{number}: not a trial ({fault})") from None
            trials.append(trial)
    return trials
