"""What the library's functions take, as typed, frozen models of one section of params each."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from fbnet.engines import ENGINES, EXPORTED, variants
from fbnet.errors import BadInput
from fbnet.landmarks import mirror_of, place_of
from fbnet.outputs import LANDMARKS, OUTPUTS
from fbnet.registry import Registry
from fbnet.tables import AUTO, BLOCKS, LOSSES, OPTIMIZERS, READERS


class Section(BaseModel):
    """One section of params: frozen, typed, no unknown keys. The docstrings document the keys."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False
    )

    @field_validator("*")
    @classmethod
    def _of_64_bits(cls, value: Any) -> Any:
        numbers = value if isinstance(value, tuple) else (value,)
        if any(isinstance(number, int) and abs(number) >= 2**63 for number in numbers):
            raise ValueError("too large for 64 bits; give a smaller number")
        return value

    @classmethod
    def checked(cls, values: Mapping[str, Any], where: str) -> Self:
        """The section with these values, all others by default.

        Raises BadInput for the first fault: `where`, key, value and reason.
        """
        try:
            return cls.model_validate(dict(values), strict=True)
        except ValidationError as error:
            problem = error.errors()[0]
            key = ".".join(map(str, problem["loc"]))
            message = problem["msg"].removeprefix("Value error, ")
            reason = message[0].lower() + message[1:]
            raise BadInput(f"{where} {key} {problem['input']}: {reason}") from None


class StageParams(Section):
    """A run of searchable layers with one set of candidate blocks and one width."""

    name: str = ""
    """Optional label, for people."""
    ops: tuple[str, ...] = Field(min_length=1)
    """Candidate blocks of every layer, each once; masks and tables follow this order."""
    layer_num: int = Field(ge=1, le=64)
    """Searchable layers in this stage."""
    channels: int = Field(ge=2, le=2048, multiple_of=2)
    """Output channels of every layer; even, since ghost blocks make two halves."""
    stride: int = Field(ge=1, le=2)
    """Stride of the first layer; the others have 1."""

    @field_validator("ops")
    @classmethod
    def _known_and_distinct(cls, ops: tuple[str, ...]) -> tuple[str, ...]:
        for name in ops:
            BLOCKS.check(name)
        twice = [name for name in ops if ops.count(name) > 1]
        if twice:
            raise ValueError(f"block {twice[0]!r} is listed twice; list it once")
        return ops


class SpaceParams(Section):
    """A search space: its stages in order, any number of them."""

    stages: tuple[StageParams, ...] = Field(min_length=1)
    """From the 14x14 map on (at an input of 112), first to last."""
    stem_channels: int = Field(16, ge=2, le=256)
    """Channels of the stem, on maps of half and a quarter of the input's side."""
    trunk_channels: int = Field(32, ge=2, le=512)
    """Channels of the fixed block that the searchable layers begin with."""
    head_channels: int = Field(64, ge=2, le=1024)
    """Channels of the head; the feature that the landmarks are read from has twice as many."""

    @property
    def layer_ops(self) -> tuple[tuple[str, ...], ...]:
        """Candidate blocks of each searchable layer, in order."""
        return tuple(stage.ops for stage in self.stages for _ in range(stage.layer_num))


NNI_SPACE = SpaceParams(
    stages=(
        StageParams(
            name="stage_0",
            ops=(
                "mb_k3_res",
                "mb_k3_e2_res",
                "mb_k3_res_d3",
                "mb_k5_res",
                "mb_k5_e2_res",
                "sep_k3",
                "sep_k5",
                "gh_k3",
                "gh_k5",
            ),
            layer_num=2,
            channels=32,
            stride=1,
        ),
        StageParams(
            name="stage_1",
            ops=(
                "mb_k3_e2_res",
                "mb_k3_e4_res",
                "mb_k3_e2_res_se",
                "mb_k3_res_d3",
                "mb_k5_res",
                "mb_k5_e2_res",
                "mb_k5_res_se",
                "mb_k5_e2_res_se",
                "gh_k5",
            ),
            layer_num=3,
            channels=64,
            stride=2,
        ),
    )
)
"""The space of NNI's PFLD example (`lib/builder.py`)."""


MOST_THREADS = 256
"""Threads that a process may have: each takes memory."""
SIZE_STEP = 4
"""The side of the nets' input is a multiple of this, or the stem's two branches differ in size."""
CROP_SCALE = 1.2
"""Side of a face crop in units of the longer side of the landmarks' box, as NNI's data has it."""


LEAST_POSE = 6
"""Points of the rigid head model that a head pose needs."""


class SyntheticParams(Section):
    """How many faces are rendered, and how varied they are. Shares are probabilities, 0 to 1."""

    train: int = Field(4000, ge=2)
    """Faces of the training part (validation is split from it)."""
    test: int = Field(400, ge=0)
    """Faces of the test part; other people than in training."""
    pictures_per_person: int = Field(1, ge=1)
    """Pictures of one person, one after the other; must divide `train`."""
    seed: int = Field(0, ge=0)
    """Every draw depends on it and on the picture's number, on nothing else."""
    points: Literal[68, 106] = 106
    """Landmarks of a label: 106 (NNI, InsightFace) or 68 (300W)."""
    supersampling: int = Field(2, ge=1, le=4)
    """Samples along each side of a pixel; 1 is coarse and fast."""
    yaw_max: float = Field(60.0, ge=0, le=70)
    """Largest turn to the left or right, degrees."""
    pitch_max: float = Field(30.0, ge=0, le=40)
    """Largest nod up or down, degrees."""
    roll_max: float = Field(30.0, ge=0, le=60)
    """Largest tilt, degrees."""
    yaw_even: float = Field(0.4, ge=0, le=1)
    """Share of faces whose yaw is drawn evenly over the range; the others look roughly ahead."""
    expression: float = Field(1.0, ge=0, le=1)
    """Strength of the expressions; 0 leaves every face at rest."""
    identity: float = Field(0.85, ge=0, le=1.5)
    """Strength of the shape differences between people."""
    crop_jitter: float = Field(0.05, ge=0, le=0.12)
    """Shift and scale of the crop, as a share of its side; training adds its own."""
    glasses: float = Field(0.2, ge=0, le=1)
    """Share with glasses."""
    sunglasses: float = Field(0.25, ge=0, le=1)
    """Share of the glasses that are dark."""
    masks: float = Field(0.05, ge=0, le=1)
    """Share with a cloth mask over nose and mouth."""
    hats: float = Field(0.12, ge=0, le=1)
    """Share with a beanie or a cap."""
    fringe: float = Field(0.35, ge=0, le=1)
    """Share of the haired heads whose hair falls over the forehead."""
    beards: float = Field(0.35, ge=0, le=1)
    """Share of the grown men with stubble or a beard."""
    makeup: float = Field(0.35, ge=0, le=1)
    """Share of the grown women with coloured lips or lids."""
    hands: float = Field(0.06, ge=0, le=1)
    """Share with a hand before the face."""
    objects: float = Field(0.06, ge=0, le=1)
    """Share with some object before the face."""
    blur: float = Field(0.25, ge=0, le=1)
    """Share out of focus."""
    low_resolution: float = Field(0.15, ge=0, le=1)
    """Share enlarged from fewer pixels."""
    grey: float = Field(0.08, ge=0, le=1)
    """Share without colour."""
    noise: float = Field(0.02, ge=0, le=0.2)
    """Largest standard deviation of the sensor's noise, as a share of white."""
    jpeg: float = Field(0.6, ge=0, le=1)
    """Share that went through JPEG, quality 40 to 95."""

    @model_validator(mode="after")
    def _whole_people(self) -> "SyntheticParams":
        if self.train % self.pictures_per_person:
            raise ValueError(
                f"train ({self.train}) must be a multiple of pictures_per_person "
                f"({self.pictures_per_person}), or one person is in train and test"
            )
        if self.train == self.pictures_per_person:
            raise ValueError(
                f"train ({self.train}) is one person's pictures, and validation needs another "
                "person: raise train, or lower pictures_per_person"
            )
        return self


class SchemeParams(Section):
    """An order of landmarks that is none of the known ones (68, 98 and 106 points)."""

    points: int = Field(ge=3, le=2000)
    """Landmarks of a face."""
    eyes: tuple[int, int]
    """Outer eye corners, or what there is of the eyes, left and right in the picture, from 0; their
    distance is the unit of NME."""
    mirror: tuple[int, ...] | None = None
    """mirror[i] is the point that stands at i after a left-right flip; null: found from the faces,
    whose median shape is symmetric."""
    regions: dict[str, tuple[int, ...]] = {}
    """Parts of the face and their points, for figures of their own and for colours."""
    pose: tuple[int | None, ...] | None = Field(None, min_length=14, max_length=14)
    """The points of the rigid head model, null for those that are missing, six at least: left outer
    and inner brow, right inner and outer brow, the eye corners in that order, left and right side
    of the nose, left and right corner of the mouth, middle of the lower lip, chin. Without it faces
    have no head pose."""
    head: tuple[str, ...] | None = None
    """Where each point lies on a rendered face: names such as left_pupil, 68:NUMBER, 106:NUMBER or
    vertex:NUMBER, or several joined by + for their mean. For rendered faces only."""
    name: str = "own"
    """Name of the order, as the exported file states it."""

    @model_validator(mode="after")
    def _points_exist(self) -> Self:
        pose = [point for point in self.pose or () if point is not None]
        stated = {"eyes": self.eyes, "mirror": self.mirror or (), "pose": pose, **self.regions}
        for name, points in stated.items():
            for point in points:
                if not 0 <= point < self.points:
                    raise ValueError(f"{name}: point {point} is none of 0 to {self.points - 1}")
        if self.eyes[0] == self.eyes[1]:
            raise ValueError("eyes: both are one point")
        if self.head is not None and len(self.head) != self.points:
            raise ValueError(f"head: {len(self.head)} places for {self.points} points")
        for number, text in enumerate(self.head or ()):
            try:
                place_of(text)
            except ValueError as error:
                raise ValueError(f"head: point {number}: {error}") from None
        if self.pose is not None and len(pose) < LEAST_POSE:
            raise ValueError(f"pose: {len(pose)} points, {LEAST_POSE} are needed")
        return self

    @model_validator(mode="after")
    def _mirror_is_its_own_inverse(self) -> Self:
        mirror = self.mirror
        if mirror is None and self.head is not None:
            mirror = mirror_of([place_of(text) for text in self.head])
        if mirror is None or mirror == ():
            return self
        if len(mirror) != self.points:
            raise ValueError(f"mirror: {len(mirror)} numbers for {self.points} points")
        for point, other in enumerate(mirror):
            if mirror[other] != point:
                raise ValueError(f"mirror: {point} goes to {other}, but {other} to {mirror[other]}")
        if mirror[self.eyes[0]] != self.eyes[1]:
            raise ValueError("mirror: the eyes must change places")
        return self


class FetchParams(Section):
    """From pictures on disk, or a head to render, to face crops with landmarks and pose."""

    root: str = Field("data", min_length=1)
    """Folder of the data set, absolute or relative to the project."""
    layout: str = AUTO
    """How the folder is laid out; `auto` looks for the marker files of each layout."""
    size: int = Field(112, ge=32, le=512)
    """Side of a face crop in pixels."""
    margin: int = Field(24, ge=0, le=256)
    """Pixels kept around the crop, so that rotation and shift show the real picture.

    An `nni` data set is cropped already and has none.
    """
    crop_scale: float = Field(CROP_SCALE, ge=1.0, le=3.0)
    """Side of the crop in units of the longer side of the landmarks' box (NNI: 1.2)."""
    pose: Literal["compute", "keep"] = "compute"
    """compute: head pose from the landmarks; keep: the angles of list.txt where it has them.

    Published angles are often wrong by tens of degrees. Rendered faces always keep their pose,
    which is exact.
    """
    on_bad: Literal["fail", "skip"] = "fail"
    """A broken picture or label is an error (fail), or is left out and listed (skip)."""
    on_suspicious: Literal["keep", "skip", "fail"] = "keep"
    """A label that looks wrong (scattered, of another place, left and right exchanged, unseen
    points that `unseen` keeps) is kept, left out, or an error; it is listed in suspicious.csv."""
    unseen: Literal["mask", "keep"] = "mask"
    """Points labelled NaN, or (0, 0) or (-1, -1) as tools write those that nobody saw: mask leaves
    them out of loss and figures, keep takes the numbers as places."""
    scheme: SchemeParams | None = None
    """Labels of another number of points, such as {points: 5, eyes: [0, 1]}: keys points, eyes,
    mirror, regions, pose, head, name; see docs/data.md."""
    exif: Literal["auto", "apply", "ignore"] = "auto"
    """Pictures whose EXIF data say that they are to be turned: apply turns them, ignore takes them
    as stored, auto takes what the points follow."""
    group: Literal["auto", "name", "file"] = "auto"
    """Which pictures are one photograph and stay in one split. name: those whose names differ in a
    last _NUMBER only; file: each is another; auto: by name, but a name that numbers a whole series
    joins nothing (a line says so)."""
    seed: int = Field(1, ge=0)
    """Draws of the split."""
    test_share: float = Field(0.2, gt=0, lt=1)
    """Share of the photographs kept for test, where the data set names no test part."""
    validation_share: float = Field(0.1, gt=0, lt=1)
    """Share of the training photographs kept for validation, where the data set names none."""
    workers: int = Field(2, ge=1, le=256)
    """Threads that decode pictures, processes that render faces. No result depends on it."""
    limit: int | None = Field(None, ge=3)
    """Use no more than this many photographs of a data set, for a trial. Not for rendered faces."""
    synthetic: SyntheticParams = SyntheticParams()
    """What is rendered where the folder holds a head instead of photographs."""

    @field_validator("layout")
    @classmethod
    def _known_layout(cls, layout: str) -> str:
        return layout if layout == AUTO else READERS.check(layout)


class LutParams(Section):
    """Latency LUT: measured here in an engine, or read from a device's file."""

    source: Literal["measure", "file"] = "measure"
    """`measure`: `engine` on this machine; `file`: read `file`, measured on a device."""
    file: str = ""
    """Device table (`latency.json`, a CSV of `layer,block,ms`, or NNI's `lut.txt` or `lut.npy`);
    for `source: file`."""
    file_unit: Literal["us", "ms"] = "us"
    """Unit of a `lut.txt` or `lut.npy`; NNI writes microseconds."""
    file_fixed_ms: float = Field(0.0, ge=0)
    """What the stem and the head cost on the device, in ms: NNI's tables do not say."""
    engine: str = "onnxruntime"
    """Engine that times the blocks: onnxruntime, mnn, ncnn, openvino, litert or executorch."""
    threads: int = Field(1, ge=1, le=MOST_THREADS)
    """Threads of the engine; 1 makes repeats agree."""
    batch: int = Field(1, ge=1, le=64)
    """Faces in one call; a cost is that of the call. Some engines (ncnn) take one only."""
    warmup: int = Field(20, ge=1, le=10_000)
    """Runs of each model before any is timed."""
    rounds: int = Field(100, ge=5, le=10_000)
    """Least number of timed rounds; each round times every model in turn."""
    ci_target: float = Field(0.02, gt=0, le=1)
    """Stop when the 95 % interval of every median is within this share of it (half width)."""
    max_seconds: float = Field(30.0, gt=0, le=3600)
    """Stop after this time all the same, in seconds."""
    seed: int = Field(0, ge=0)
    """Draws the weights and inputs of the timed models."""

    @field_validator("engine")
    @classmethod
    def _known(cls, engine: str) -> str:
        return ENGINES.check(engine)

    @model_validator(mode="after")
    def _file_goes_with_source(self) -> "LutParams":
        if (self.source == "file") != bool(self.file):
            raise ValueError(
                "`file` names the table exactly when `source` is file; set both or neither"
            )
        return self

    @model_validator(mode="after")
    def _engine_takes_batch(self) -> "LutParams":
        most = ENGINES[self.engine].max_batch
        if most is not None and self.batch > most:
            raise ValueError(
                f"{self.engine} takes at most {most} in a call; lower `batch`, or choose another "
                "engine"
            )
        return self


LossName = Annotated[str, AfterValidator(LOSSES.check)]
"""One of `fbnet.training.LOSSES`."""
OptimizerName = Annotated[str, AfterValidator(OPTIMIZERS.check)]
"""One of `fbnet.training.OPTIMIZERS`."""


class PredictorParams(Section):
    """Search by true short trainings (`search.method: predictor`)."""

    nets: int = Field(32, ge=2)
    """Architectures that are drawn and trained first."""
    rungs: tuple[Annotated[int, Field(ge=1)], ...] = Field((2, 4, 8, 12), min_length=1)
    """Epochs after which some of these leave (successive halving); the last is the whole training.
    """
    keep: float = Field(0.5, gt=0, lt=1)
    """Share of them that stays at each rung."""
    rounds: int = Field(2, ge=0)
    """How often a regression on all trained so far proposes others."""
    top: int = Field(4, ge=1)
    """Architectures that it proposes each time, which are trained to the last rung."""
    pool: int = Field(20_000, ge=1)
    """Architectures drawn over the whole range of costs, of which all these are taken."""
    band: float = Field(0.1, gt=0, le=1)
    """With `mode: target`, nets cost at most this share less than the budget, where `nets` do."""
    batch: int = Field(32, ge=2)
    """Faces in a step."""
    lr: float = Field(4e-3, gt=0)
    """Peak learning rate; cosine to zero at the last rung."""
    weight_decay: float = Field(0.01, ge=0)
    """Weight decay."""
    ema: float = Field(0.98, ge=0, lt=1)
    """Decay of the moving average of the weights, which is what is validated."""
    scheduler: str = ""
    """Address of a Dask scheduler (tcp://host:8786) whose workers train; empty: this machine. They
    need this project's folder at the same path."""

    @model_validator(mode="after")
    def _rungs_rise(self) -> "PredictorParams":
        if list(self.rungs) != sorted(set(self.rungs)):
            raise ValueError(f"rungs {list(self.rungs)}: each must be larger than the one before")
        return self


Start = Literal["mean_face", "nni"]
"""How fresh nets begin: with the mean training face as their answer, or with NNI's weights alone,
whose answers are near zero."""


class SearchParams(Section):
    """Differentiable search (FBNet, arXiv 1812.03443); names as in NNI where it has them."""

    method: Literal["fbnet", "predictor"] = "fbnet"
    """fbnet: architecture parameters learn in a supernet; predictor: many short trainings, and a
    regression on them. Of the keys below the latter takes seed, cost, mode, target_ms,
    target_macs, cost_form, alpha, beta, proxy_share, optimizer, loss, start, augment and
    `predictor`'s."""
    predictor: PredictorParams = PredictorParams()
    """`method: predictor`; `train.devices` trainings run at once, a process each."""
    seed: int = Field(1, ge=0)
    """Every draw of the search (split, order, augmentation, Gumbel noise) depends on it."""
    cost: Literal["latency", "macs"] = "latency"
    """Which LUT the cost comes from; `macs` is exact and the same everywhere."""
    mode: Literal["mul", "add", "target"] = "mul"
    """How the cost enters: mul and add trade it for accuracy, target keeps it within a budget.

    mul: loss * alpha * ln(1 + (e-1) cost/ref)^beta; add: loss + alpha * (cost/ref)^beta.
    """
    target_ms: float | None = Field(None, gt=0)
    """Latency that the chosen net may have, in ms; for `mode: target` with `cost: latency`."""
    target_macs: int | None = Field(None, gt=0)
    """MACs that the chosen net may have; for `mode: target` with `cost: macs`."""
    target_weight: float = Field(3.0, gt=1)
    """How many times as steep as the loss the cost is while it is over the budget."""
    cost_form: Literal["normalised", "nni"] = "normalised"
    """nni: NNI's own formula on the raw cost, (ln cost)^beta."""
    alpha: float = Field(0.25, gt=0)
    """Weight of the cost. In `mul` it only scales the loss, which AdamW ignores: sweep beta."""
    beta: float = Field(0.3, ge=0)
    """Exponent of the cost; 0 searches for accuracy alone."""
    epochs: int = Field(16, ge=1)
    """Epochs in all, warm-up included."""
    warmup_epochs: int = Field(7, ge=0)
    """First epochs, in which only the weights learn and every block has an equal chance."""
    warmup: Literal["mixed", "fair"] = "mixed"
    """mixed: a step of the warm-up trains what `sampling` has it train, with `soft` all blocks
    (NNI); fair: one block a layer, each as often (FairNAS), always so with `few_path`."""
    min_steps: int = Field(600, ge=0)
    """Weight steps at least: few faces get more epochs, the warm-up in proportion."""
    proxy_share: float = Field(0.5, gt=0, le=1)
    """Share of the training faces the search uses (the proxy set)."""
    arch_share: float = Field(0.2, gt=0, lt=1)
    """Share of the proxy set that trains the architecture; the rest trains the weights."""
    batch: int = Field(32, ge=2)
    """Faces in a weight step."""
    arch_batch: int = Field(16, ge=2)
    """Faces in an architecture step."""
    optimizer: OptimizerName = "adamw"
    """Optimiser of the weights; NNI's is rmsprop."""
    lr: float = Field(8e-3, gt=0)
    """Peak learning rate of the weights; cosine to zero."""
    weight_decay: float = Field(1e-4, ge=0)
    """Weight decay of the weights."""
    nas_lr: float = Field(0.2, gt=0)
    """Learning rate of the architecture parameters (AdamW)."""
    nas_weight_decay: float = Field(5e-4, ge=0)
    """Weight decay of the architecture parameters."""
    temperature: float = Field(5.0, gt=0)
    """Gumbel softmax temperature at the start."""
    temperature_decay: float = Field(0.045, ge=0)
    """Fall by exp(-decay) an epoch of FBNet's 90, scaled to the architecture epochs here."""
    temperature_floor: float = Field(0.1, ge=0.01)
    """The temperature never falls below; near zero the gradients are noise or NaN."""
    start: Start = "mean_face"
    """How fresh weights begin: mean_face answers with the mean training face; nni: near zero."""
    sampling: Literal["soft", "hard", "few_path"] = "soft"
    """soft: blocks mixed by the Gumbel softmax (NNI); hard: one block, straight-through.
    few_path: weights learn on one drawn block a layer, the architecture on two mixed; fastest."""
    loss: LossName = "wing"
    """Landmark loss; `pose_l2` is NNI's and trains the auxiliary pose net too."""
    augment: bool = True
    """Augment the faces, as section `augment` has it."""
    candidates: int = Field(6, ge=0)
    """Architectures sampled from the learned distribution and scored beside the argmax."""
    calibration_faces: int = Field(512, ge=2)
    """Training faces on which a candidate's batch-norm statistics are estimated anew."""

    @property
    def target(self) -> float | None:
        """The budget in the unit of the cost table; None unless `mode` is target."""
        if self.mode != "target":
            return None
        return self.target_ms if self.cost == "latency" else self.target_macs

    @property
    def arch_epochs(self) -> int:
        """Epochs in which the architecture learns."""
        return self.epochs - self.warmup_epochs


TARGETS = {"latency": "target_ms", "macs": "target_macs"}
"""search.cost -> the param that holds a budget in its unit."""


class RetrainParams(Section):
    """Fine-tuning of the chosen subnet."""

    seed: int = Field(1, ge=0)
    """Every draw of the training depends on it."""
    candidates: int = Field(1, ge=1)
    """How many of the best candidates of the search are trained; the best by validation stays."""
    inherit: bool = True
    """Start from the supernet's weights; false starts from scratch."""
    start: Start = "mean_face"
    """How weights begin that are not inherited; see `search.start`."""
    epochs: int = Field(96, ge=1)
    """Epochs over all training faces."""
    min_steps: int = Field(2200, ge=0)
    """Steps at least: few faces get more epochs, the warm-up in proportion."""
    warmup_epochs: float = Field(2.0, ge=0)
    """Epochs of linear learning-rate warm-up."""
    batch: int = Field(128, ge=2)
    """Faces in a step."""
    optimizer: OptimizerName = "adamw"
    """Optimiser; NNI's is rmsprop."""
    lr: float = Field(8e-3, gt=0)
    """Peak learning rate; cosine to zero."""
    weight_decay: float = Field(0.01, ge=0)
    """Weight decay."""
    ema: float = Field(0.995, ge=0, lt=1)
    """Decay of the moving average of the weights, which is what is validated; 0 turns it off."""
    loss: LossName = "soft_wing"
    """Landmark loss; `pose_l2` is NNI's and trains the auxiliary pose net too."""
    augment: bool = True
    """Augment the faces, as section `augment` has it."""
    validate_every: int = Field(1, ge=1)
    """Epochs between validations; the last epoch is always validated."""
    heads_epochs: int = Field(40, ge=1)
    """Epochs in which the heads of `export.outputs` learn on the trained net, which stays as it
    is."""
    heads_lr: float = Field(2e-3, gt=0)
    """Peak learning rate of the heads (AdamW); cosine to zero."""
    heads_faces: str = ""
    """Face set of rendered faces (results/fetch/faces of another run) that teaches pose, visibility
    and openness where the faces are photographs, which lack these labels."""


class ExportParams(Section):
    """ONNX file and its score on the test faces, and its variants."""

    outputs: tuple[str, ...] = (LANDMARKS,)
    """What the file gives: landmarks, and on request pose, confidence, visibility, openness, whose
    heads are trained at the end of `retrain`."""
    opset: int = Field(18, ge=11, le=23)
    """ONNX opset. Below 18 torch's older exporter writes the file: chips' tools may want that."""
    dynamic_batch: bool = True
    """The ONNX file takes any number of faces a call; off, it takes one, as chips' tools want."""
    parity_tolerance: float = Field(1e-5, gt=0, le=1e-2)
    """Largest difference from the torch net, in units of the crop; beyond it nothing is written."""
    parity_faces: int = Field(32, ge=1)
    """Test faces on which the two are compared."""
    variants: tuple[str, ...] = (
        "mnn",
        "mnn_fp16",
        "mnn_int8",
        "ncnn",
        "ncnn_fp16",
        "onnxruntime_int8",
    )
    """Files for other engines and in fewer bits; those that fail their tolerance are left out."""
    nme_tolerance: float = Field(0.02, ge=0, le=1)
    """Relative growth of the test NME that fewer bits may cost; fp32 has `parity_tolerance`."""
    calibration_faces: int = Field(256, ge=1)
    """Training faces from which int8 takes its ranges and mean errors."""
    threads: int = Field(1, ge=1, le=MOST_THREADS)
    """Threads of onnxruntime while scoring; the last digits depend on them."""
    batch: int = Field(64, ge=1)
    """Faces scored at once."""
    jitter: float = Field(0.1, ge=0, le=0.5)
    """`nme_jitter`: crops moved by up to this share of their side and scaled by up to 1 +- it."""
    seed: int = Field(1, ge=0)
    """Draws of the jitter."""
    pictures: int = Field(24, ge=1, le=100)
    """Faces in faces.png and in worst.png."""

    @property
    def heads(self) -> tuple[str, ...]:
        """The outputs that need a head."""
        return tuple(name for name in self.outputs if name != LANDMARKS)

    @field_validator("outputs")
    @classmethod
    def _landmarks_first(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        known = Registry("output", OUTPUTS)
        for name in names:
            known.check(name)
        if names[:1] != (LANDMARKS,):
            raise ValueError(f"the first output is {LANDMARKS}; put it first")
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"output {twice[0]!r} is listed twice; list it once")
        return names

    @field_validator("variants")
    @classmethod
    def _known_and_distinct(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        known = Registry("variant", variants())
        for name in names:
            if name == EXPORTED:
                raise ValueError(f"{name!r} is the exported ONNX file itself; leave it out")
            known.check(name)
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"variant {twice[0]!r} is listed twice; list it once")
        return names


class BenchParams(Section):
    """Latency of the exported files on this machine, one face at a time."""

    threads: int = Field(1, ge=1, le=MOST_THREADS)
    """Threads of the engines; with one the timing varies least."""
    warmup: int = Field(30, ge=0, le=10_000)
    """Runs of each net before the clock counts."""
    seconds: float = Field(15.0, gt=0, le=600)
    """How long the nets are timed, all in turn."""
    nets: int = Field(50, ge=0, le=200)
    """Nets drawn from the space and timed too, to see how well the latency table predicts."""
    mape_warn: float = Field(0.1, gt=0)
    """Warn of a table whose predictions are off by more than this share on average."""
    spearman_warn: float = Field(0.9, ge=-1, le=1)
    """Warn of a table whose order of the nets agrees less than this with the measured one."""
    seed: int = Field(1, ge=0)
    """Draws these nets and the timed inputs."""


class AugmentParams(Section):
    """How training faces are varied, in search and retraining; zero everywhere leaves them as is.

    Strengths are the ends of even ranges around "no change"; chances are probabilities.
    """

    rotate: float = Field(10.0, ge=0, le=180)
    """Rotation in degrees, either way (PFLD: 30)."""
    shift: float = Field(0.07, ge=0, le=0.5)
    """Shift along each axis, as a share of the crop's side."""
    scale: float = Field(0.1, ge=0, lt=1)
    """Growth or shrinkage, as a share of the size."""
    mirror: float = Field(0.5, ge=0, le=1)
    """Chance of a left-right flip; the points change numbers with it."""
    brightness: float = Field(0.075, ge=0, le=1)
    """Brightness added or taken, as a share of white."""
    contrast: float = Field(0.1, ge=0, lt=1)
    """Contrast around middle grey gained or lost, as a share."""
    colour: float = Field(0.05, ge=0, lt=1)
    """Gain of each colour channel on its own, as a share."""
    grey: float = Field(0.1, ge=0, le=1)
    """Chance of a grey picture."""
    blur: float = Field(0.1, ge=0, le=1)
    """Chance of a Gaussian blur."""
    blur_sigma: float = Field(1.5, gt=0, le=10)
    """Strongest blur: standard deviation in pixels."""
    noise: float = Field(0.1, ge=0, le=1)
    """Chance of Gaussian noise."""
    noise_std: float = Field(12.0, gt=0, le=100)
    """Strongest noise: standard deviation in grey levels of 255."""
    jpeg: float = Field(0.05, ge=0, le=1)
    """Chance of a loss as strong JPEG compression makes it (quality 20 to 70)."""
    occlude: float = Field(0.1, ge=0, le=1)
    """Chance that rectangles hide a part of the face; the points stay."""
    occlude_side: float = Field(0.4, gt=0, le=1)
    """Longest side of such a rectangle, as a share of the crop's side."""


class TrainParams(Section):
    """Device, precision and threads of search and retraining; the last digits depend on them."""

    accelerator: Literal["cpu", "cuda", "mps", "auto"] = "cpu"
    """Lightning Fabric accelerator; `auto` takes what the machine has."""
    devices: int = Field(2, ge=1)
    """Processes (CPU) or devices (GPU) on each node. On two cores two processes of one thread
    retrain, in batches of 128, twice as fast as one of two; for one GPU set 1."""
    num_nodes: int = Field(1, ge=1)
    """Machines; the launcher (torchrun, Slurm) starts them."""
    strategy: Literal["auto", "ddp"] = "auto"
    """Lightning Fabric strategy; `auto` takes ddp for more than one process."""
    shards: int | None = Field(None, ge=1)
    """Parts that a batch is cut into, each normalised on its own; null: one a process. A number
    gives the same result, to rounding, for any number of processes that divides it."""
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    """Lightning Fabric precision; fp16 would need the loss scaled, which no step here does."""
    threads: int = Field(1, ge=1, le=MOST_THREADS)
    """Threads of the numeric libraries in each process. Never taken from the machine: the bytes
    depend on them."""
    graph: Literal["auto", "off"] = "auto"
    """auto: steps on a GPU are CUDA graphs where they can be; off: their kernels are launched one
    by one. Without effect on a CPU."""

    @property
    def parts(self) -> int:
        """Parts that a batch is cut into."""
        return self.shards or self.devices * self.num_nodes

    def arithmetic(self) -> dict[str, Any]:
        """The params on which a training's numbers depend: not where and in how many processes."""
        left_out = {"devices", "num_nodes", "strategy", "graph"}
        return self.model_dump(exclude=left_out) | {"shards": self.parts}
