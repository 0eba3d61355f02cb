"""What the face does: mouth, brows, lids and gaze; where the eyeballs are."""

from dataclasses import dataclass

import numpy as np

from fbnet.faces.synthetic.drawing import Draws
from fbnet.faces.synthetic.head import LEFT_EYE, RIGHT_EYE, Head
from fbnet.params import SyntheticParams

LID_LIMIT = 0.9
"""Largest blink plus squint of one eye: beyond it the lids cross."""
SHUT, OPEN = 0.55, 0.2
"""Strengths of blink and jaw from which on eyes count as shut, a mouth as open."""


@dataclass(frozen=True, eq=False)
class Expression:
    """What the face does in one picture.

    weights: target name -> strength; gaze_yaw, gaze_pitch: radians, relative to the head.
    """

    weights: dict[str, float]
    gaze_yaw: float
    gaze_pitch: float

    @property
    def eyes_shut(self) -> bool:
        """Whether both lids are mostly down."""
        return all(self._unit(f"eyeBlink{side}") > SHUT for side in ("Left", "Right"))

    @property
    def mouth_open(self) -> bool:
        """Whether the jaw is clearly down."""
        return self._unit("jawOpen") > OPEN

    def _unit(self, name: str) -> float:
        """Strength of a face unit."""
        return self.weights.get(f"faceunits/{name}", 0.0)


def draw_expression(draws: Draws, params: SyntheticParams) -> Expression:
    """Draw an expression and a gaze."""
    rng = draws.shot("expression")
    units = _mouth(rng) | _brows(rng) | _lids(rng)
    units = {name: strength * params.expression for name, strength in units.items()}
    yaw, pitch = float(rng.normal(0, 0.22)), float(rng.normal(0, 0.12))
    # Lids follow the eyes: positive pitch looks up, positive yaw to the image's right.
    lids, rate = ("eyeLookDown", 2.2) if pitch < 0 else ("eyeLookUp", 1.2)
    units |= {f"{lids}{side}": min(1.0, abs(pitch) * rate) for side in ("Left", "Right")}
    _cap_lids(units)
    return Expression({f"faceunits/{name}": w for name, w in units.items()}, yaw, pitch)


def _pair(
    rng: np.random.Generator, name: str, strength: float, uneven: float = 0.15
) -> dict[str, float]:
    """Strengths of the left and the right unit of one name, nearly alike."""
    return {f"{name}{side}": strength * rng.uniform(1 - uneven, 1) for side in ("Left", "Right")}


def _mouth(rng: np.random.Generator) -> dict[str, float]:
    """Strengths of the units of jaw, mouth and cheeks."""
    units: dict[str, float] = {}
    if rng.random() < 0.35:
        units["jawOpen"] = rng.beta(1.2, 2.2)
    kind, amount = rng.random(), rng.uniform(0.2, 1)
    if kind < 0.4:
        units |= _pair(rng, "mouthSmile", amount) | _pair(rng, "cheekSquint", rng.uniform(0, 0.6))
        if rng.random() < 0.6:
            units |= _pair(rng, "mouthUpperUp", rng.uniform(0.2, 0.7) * amount)
            units |= _pair(rng, "mouthLowerDown", rng.uniform(0, 0.5) * amount)
            units.setdefault("jawOpen", rng.uniform(0, 0.2))
    elif kind < 0.48:
        units |= _pair(rng, "mouthFrown", amount)
    elif kind < 0.56:
        units["mouthPucker"] = 0.9 * amount
    elif kind < 0.62:
        units["mouthFunnel"] = 0.8 * amount
    elif kind < 0.70:
        for name in ("mouthStretch", "mouthLowerDown", "mouthUpperUp"):
            units |= _pair(rng, name, rng.uniform(0, 0.8))
    elif kind < 0.76:
        units |= _pair(rng, "mouthPress", amount) | {"mouthRollLower": rng.uniform(0, 0.5)}
    for name in ("jaw", "mouth"):
        if rng.random() < 0.1:
            units[name + str(rng.choice(["Left", "Right"]))] = rng.uniform(0.1, 0.6)
    return units


def _brows(rng: np.random.Generator) -> dict[str, float]:
    """Strengths of the units of brows and nose."""
    units: dict[str, float] = {}
    kind = rng.random()
    if kind < 0.25:
        units = {"browInnerUp": rng.uniform(0, 1)} | _pair(rng, "browOuterUp", rng.uniform(0, 1))
    elif kind < 0.45:
        units = _pair(rng, "browDown", rng.uniform(0.2, 1))
    if rng.random() < 0.15:
        units |= _pair(rng, "noseSneer", rng.uniform(0.1, 0.8))
    return units


def _lids(rng: np.random.Generator) -> dict[str, float]:
    """Strengths of the units that open or close the eyes."""
    kind = rng.random()
    if kind < 0.05:
        return _pair(rng, "eyeBlink", rng.uniform(0.8, 1.1), 0.05)
    if kind < 0.2:
        return _pair(rng, "eyeBlink", rng.uniform(0.05, 0.35), 0.1)
    if kind < 0.4:
        return _pair(rng, "eyeWide", rng.uniform(0.05, 0.8))
    if kind < 0.52:
        return _pair(rng, "eyeSquint", rng.uniform(0.1, 0.7))
    return {}


def _cap_lids(units: dict[str, float]) -> None:
    """Scale what closes an eye down to LID_LIMIT, in place."""
    for side in ("Left", "Right"):
        closing = [f"{name}{side}" for name in ("eyeBlink", "eyeSquint", "eyeLookDown")]
        load = sum(units.get(name, 0) * (1.0, 0.45, 0.5)[i] for i, name in enumerate(closing))
        if load > LID_LIMIT:
            for name in closing:
                if name in units:
                    units[name] *= LID_LIMIT / load


@dataclass(frozen=True, eq=False)
class Eyeball:
    """One eye: part number, centre [3] and radius in the model, gaze (unit vector)."""

    part: int
    centre: np.ndarray
    radius: float
    gaze: np.ndarray

    @property
    def pupil(self) -> np.ndarray:
        """The pupil's centre on the eyeball, model frame."""
        return self.centre + self.radius * self.gaze


def find_eyes(head: Head, vertices: np.ndarray, expression: Expression) -> list[Eyeball]:
    """The image-left eye (the person's right), then the other."""
    yaw, pitch = expression.gaze_yaw, expression.gaze_pitch
    gaze = np.array(
        [np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)], np.float32
    )
    eyes = []
    for part in (RIGHT_EYE, LEFT_EYE):
        ball = vertices[head.eye_vertices[part]]
        centre = (ball.max(0) + ball.min(0)) / 2
        radius = float(np.linalg.norm(ball - centre, axis=1).max()) * 0.97
        eyes.append(Eyeball(part, centre, radius, gaze))
    return eyes
