"""One training of the comparison, from its data to the figures in its JSON file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from benchmarks.headline.models import begin_with, build
from benchmarks.headline.recipes import SUBNET
from benchmarks.headline.setting import Setting, short
from benchmarks.headline.tasks import Task, trials
from fbnet.errors import BadInput
from fbnet.export.onnx import counts, export_onnx
from fbnet.faces.faceset import FaceSet
from fbnet.files import read_json, write_json
from fbnet.params import RetrainParams
from fbnet.predict.model import OnnxModel
from fbnet.predict.score import score
from fbnet.progress import say
from fbnet.training.checkpoints import checkpoint, fingerprint, load_weights, save_weights
from fbnet.training.device import launch
from fbnet.training.losses import Teacher
from fbnet.training.retrain import Retraining
from stages.runner import library_code


@dataclass(frozen=True)
class Bench:
    """Trains what is missing; what a training rests on (trials, teacher, start) comes first."""

    setting: Setting

    def result(self, task: Task) -> dict[str, Any] | None:
        """Figures of a finished training. Raises BadInput when it was made under other terms."""
        file = task.file(self.setting.results, ".json")
        if not file.exists():
            return None
        record: dict[str, Any] = read_json(file)
        if record["terms"] != self.terms(task):
            raise BadInput(
                f"{file}: made with other data, params or architecture; remove it to train anew"
            )
        return record

    def ensure(self, task: Task) -> dict[str, Any]:
        """Figures of a training, which is done now where it has not been."""
        if (record := self.result(task)) is not None:
            return record
        rate = self.rate(task)
        say(f"headline: {task.name}, learning rate {rate:g}")
        record = self._train(task, rate)
        write_json(task.file(self.setting.results, ".json"), record)
        return record

    def rate(self, task: Task) -> float:
        """Learning rate: a trial's own, else the one with the best trial of this model."""
        if task.rate is not None:
            return task.rate
        recipe = self.setting.recipes[task.recipe]
        name = task.recipe if recipe.rates else recipe.tuned_by
        tried = trials(task.model, name, self.setting.recipes[name])
        best = min(tried, key=lambda trial: self.ensure(trial)["val_nme"])
        assert best.rate is not None
        return best.rate

    def weights(self, task: Task) -> dict[str, Tensor]:
        """Weights of a training; they are no part of git, so it may have to be repeated."""
        self.ensure(task)
        file = self._weights_file(task)
        if not file.exists():
            self._train(task, self.rate(task))
        return load_weights(file)

    def _weights_file(self, task: Task) -> Path:
        return task.file(self.setting.work, f"-{self.terms(task)}.safetensors")

    def terms(self, task: Task) -> str:
        """Digest of what a training hangs on, but for code and the rate that tuning finds.

        Defaults are code: a new key of some section leaves finished trainings valid.
        """
        setting, recipe = self.setting, self.setting.recipes[task.recipe]
        augment, space = (
            section.model_dump(exclude_defaults=True)
            for section in (setting.params.augment, setting.params.search_space)
        )
        rates, start = recipe.rates.get(task.model, ()), recipe.start.get(task.data)
        full = [rates, recipe.trial_share, recipe.tuned_by, start]
        parts = [
            sorted(self._keys(task, 1.0).items()),
            augment,
            setting.digest(task),
            (space, setting.choice) if task.model == SUBNET else None,
            (recipe.teachers.get((task.data, task.model)), recipe.teacher_weight),
            full if task.rate is None else None,
        ]
        return short(parts)

    def _keys(self, task: Task, rate: float) -> dict[str, Any]:
        """Keys of the section `retrain`."""
        recipe = self.setting.recipes[task.recipe]
        full = recipe.epochs[task.data]
        epochs = full if task.rate is None else recipe.trial_epochs
        return {**recipe.retrain, "seed": task.run, "epochs": epochs, "lr": rate}

    def _train(self, task: Task, rate: float) -> dict[str, Any]:
        params = RetrainParams.model_validate(self._keys(task, rate))
        faces = self.setting.faces(task)
        fabric = launch(self.setting.train)
        net = self._net(task, faces)
        teacher = self._teacher(task, faces)
        if teacher:
            fabric.to_device(teacher.net)
        augment = self.setting.params.augment
        training = Retraining(faces, net, None, params, augment, fabric, teacher)
        key = fingerprint([self.terms(task), params.model_dump(), task.name], [], library_code())
        with checkpoint(
            self.setting.work / "unfinished", task.name.replace("/", "-"), key
        ) as saved:
            training.run(saved)
            net.load_state_dict(training.best["weights"])
            save_weights(self._weights_file(task), training.best["weights"])
            record = self._record(task, params, training)
            return record if task.rate is not None else record | _figures(net, faces)

    def _net(self, task: Task, faces: FaceSet) -> nn.Module:
        setting, recipe = self.setting, self.setting.recipes[task.recipe]
        space, choice = setting.params.search_space, setting.choice
        net = build(task.model, faces.points, faces.size, task.run, space, choice)
        if (start := recipe.start.get(task.data)) and task.rate is None:
            begin_with(net, self.weights(Task(task.model, *start)))
        return net

    def _teacher(self, task: Task, faces: FaceSet) -> Teacher | None:
        setting, recipe = self.setting, self.setting.recipes[task.recipe]
        found = recipe.teachers.get((task.data, task.model))
        if found is None:
            return None
        model, trained_by = found
        space, choice = setting.params.search_space, setting.choice
        net = build(model, faces.points, faces.size, 0, space, choice)
        # Rendered faces are split once: one teacher serves all seeds.
        run = task.run if setting.folds(task.data) else 1
        net.load_state_dict(self.weights(Task(model, task.data, trained_by, run)))
        return Teacher(net, recipe.teacher_weight)

    def _record(self, task: Task, params: RetrainParams, training: Retraining) -> dict[str, Any]:
        best = training.best
        return {
            "model": task.model,
            "data": task.data,
            "recipe": task.recipe,
            "run": task.run,
            "rate": params.lr,
            "terms": self.terms(task),
            "epochs": params.epochs,
            "epoch": best["epoch"],
            "val_nme": best["nme"],
        }


def _figures(net: nn.Module, faces: FaceSet) -> dict[str, Any]:
    """Size of the exported file, and what it does on the test faces."""
    data = export_onnx(net, faces.size, faces.points, {})
    result = score(OnnxModel(data), faces)
    return result.figures | result.details() | vars(counts(data)) | {"size_kb": len(data) / 1024}
