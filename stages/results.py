"""Where the stages leave their results: one folder for each stage, one name for each file."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fbnet.errors import BadInput
from fbnet.files import read_json, validated


@dataclass(frozen=True)
class Results:
    """The files of one run of the pipeline, under `root`: paths; only `architecture` reads.

    Nothing is created here.
    """

    root: Path = Path("results")

    def folder(self, stage: str) -> Path:
        """All that a stage leaves."""
        return self.root / stage

    def metrics(self, stage: str) -> Path:
        """The few figures that a run is judged by; every stage but `lut` and `report` has them."""
        return self.folder(stage) / "metrics.json"

    def details(self, stage: str) -> Path:
        """All other figures; of `retrain`, `export` and `bench`."""
        return self.folder(stage) / "details.json"

    def history(self, stage: str) -> Path:
        """One row for each epoch; of `search` and `retrain`."""
        return self.folder(stage) / "history.csv"

    def picture(self, stage: str, name: str) -> Path:
        """A chart or a sheet of faces."""
        return self.folder(stage) / f"{name}.png"

    @property
    def faces(self) -> Path:
        """The face set, a folder of arrays."""
        return self.folder("fetch") / "faces"

    def lut(self, cost: str) -> Path:
        """The cost table, `macs` or `latency`."""
        return self.folder("lut") / f"{cost}.json"

    @property
    def searched(self) -> Path:
        """The architecture that the search chose, and its candidates."""
        return self.folder("search") / "architecture.json"

    @property
    def supernet(self) -> Path:
        """The supernet's weights."""
        return self.folder("search") / "supernet.safetensors"

    @property
    def probabilities(self) -> Path:
        """The distribution over blocks, for each epoch and layer."""
        return self.folder("search") / "probabilities.csv"

    @property
    def trained(self) -> Path:
        """The architecture that was trained: the best of the candidates."""
        return self.folder("retrain") / "architecture.json"

    @property
    def subnet(self) -> Path:
        """The trained subnet's weights."""
        return self.folder("retrain") / "subnet.safetensors"

    @property
    def onnx(self) -> Path:
        """The subnet as an ONNX file."""
        return self.folder("export") / "subnet.onnx"

    @property
    def variants(self) -> Path:
        """The subnet for other engines and in fewer bits, a folder."""
        return self.folder("export") / "variants"

    @property
    def variant_table(self) -> Path:
        """Size and accuracy of every exported file."""
        return self.folder("export") / "variants.csv"

    @property
    def errors(self) -> Path:
        """The error of every test face."""
        return self.folder("export") / "errors.csv"

    @property
    def latencies(self) -> Path:
        """Latency of whole nets, measured and predicted by the LUT."""
        return self.folder("bench") / "latency.json"

    @property
    def timed_variants(self) -> Path:
        """`variant_table` with the latency of every exported file."""
        return self.folder("bench") / "variants.csv"

    @property
    def report(self) -> Path:
        """The report of this run, an HTML page."""
        return self.folder("report") / "report.html"

    @property
    def comparison(self) -> Path:
        """The comparison of all recorded runs, an HTML page."""
        return self.folder("report") / "runs.html"

    def architecture(self, path: Path) -> dict[str, Any]:
        """What `searched` or `trained` holds; see `read_architecture`."""
        return read_architecture(self.require(path))

    def require(self, path: Path) -> Path:
        """`path`, one of the above. Raises BadInput that names the missing file's stage."""
        if not path.exists():
            stage = path.relative_to(self.root).parts[0]
            raise BadInput(
                f"{path}: no such file; stage {stage} writes it: run `make repro`, or "
                f"`dvc repro {stage}`"
            )
        return path


def read_architecture(path: Path) -> dict[str, Any]:
    """A net as search and retrain write it: `choice`, a block a layer; `points`; `size` in pixels.

    Raises BadInput where the file is missing or broken.
    """
    from pydantic import BaseModel, ConfigDict, Field

    class Architecture(BaseModel):
        model_config = ConfigDict(extra="allow")

        space: str = ""
        points: int = Field(ge=1)
        size: int = Field(ge=1)
        choice: list[str]
        candidates: list[list[str]] = []
        heads: list[str] = []

    return validated(Architecture, read_json(path), str(path)).model_dump()


def checkpoints() -> Path:
    """Folder of unfinished runs; in the main checkout also for experiments run in copies of it."""
    return Path(os.environ.get("DVC_ROOT", ".")) / ".checkpoints"
