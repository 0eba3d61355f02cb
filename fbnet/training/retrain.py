"""Training a subnet to its best: augmentation, moving average, best epoch by validation."""

from typing import cast

from lightning_fabric import Fabric
from torch import Tensor, nn

from fbnet.faces.faceset import FaceSet
from fbnet.params import AugmentParams, RetrainParams
from fbnet.tables import LOSSES
from fbnet.training.batches import Batch
from fbnet.training.device import one_process
from fbnet.training.learner import Learner, Shards
from fbnet.training.losses import Teacher
from fbnet.training.optim import MovingAverage
from fbnet.training.schedule import lengthened, steps_of
from fbnet.training.trainer import Row, Trainer
from fbnet.training.validate import validation_nme


class Retraining(Trainer[nn.Module]):
    """The training of one net: a subnet, or a baseline. The weights' moving average is kept."""

    name = "retrain"

    def __init__(
        self,
        faces: FaceSet,
        net: nn.Module,
        pose_net: nn.Module | None,
        params: RetrainParams,
        augment: AugmentParams | None = None,
        fabric: Fabric | None = None,
        teacher: Teacher | None = None,
        shards: int | None = None,
        graph: bool = True,
    ) -> None:
        """Build what learns. `fabric`: by default one process; the rest: see `Learner`."""
        self.fabric = fabric or one_process()
        self.train_faces = faces.indices("train")
        share, count = Shards(self.fabric, shards), len(self.train_faces)
        share.check_enough(count, "training")
        self.params = p = lengthened(params, count, share.number)
        steps = steps_of(count, p.batch, share.number)
        learner = Learner(
            net,
            pose_net,
            LOSSES[p.loss],
            self.fabric,
            optimizer=p.optimizer,
            lr=p.lr,
            weight_decay=p.weight_decay,
            steps=p.epochs * steps,
            warmup=round(p.warmup_epochs * steps),
            teacher=teacher,
            ema=p.ema,
            shards=shards,
            graph=graph,
        )
        self.average = cast(MovingAverage, learner.average).module
        super().__init__(
            faces,
            learner,
            self.average,
            seed=p.seed,
            epochs=p.epochs,
            augment=augment,
            validate_every=p.validate_every,
        )

    def train_epoch(self) -> tuple[float, Row]:
        """One pass over all training faces."""
        faces = self.epoch_batches(self.train_faces, self.params.batch, self.seed)
        loss = self.mean(self.step(batch) for batch in faces)
        self.learner.shards.average_statistics(self.learner.modules, self.average)
        return loss, {}

    def step(self, batch: Batch) -> Tensor:
        """One step of the weights and of their moving average; the loss, detached."""
        return self.learner.step(batch)

    def validate(self) -> float:
        """NME of the moving average on the validation faces, a fraction."""
        validation = self.faces.indices("validation")
        return validation_nme(self.average, self.faces, validation, self.fabric)
