"""Faces over the frames of a video: people keep their numbers, their landmarks are steadied.

A crop follows the landmarks of the frame before. The detector looks for faces where none is
followed, where one is lost, and from time to time for new ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from fbnet.errors import BadInput
from fbnet.predict.crops import Place, can_be_face
from fbnet.predict.detect import iou
from fbnet.predict.landmarker import PASSES, SAME, Face, Landmarker

SETTLE = 3
"""Predictions of a face whose place was given, on the first frame."""
SEARCH_S, LOOK_S = 0.1, 0.5
"""Seconds from one detection to the next: while somebody is missed or nobody there; otherwise."""
SHOWN_S, KEEP_S = 0.8, 1.5
"""Seconds for which a person whom no detection confirms is shown, and keeps the number."""
CONFIRMED = 0.3
"""IoU of a detection and a person's landmarks from which on they are the same face."""
DRIFTED = 0.55
"""IoU below which the landmarks of that face are predicted anew from the detection."""
GROWTH, JUMP = 1.5, 0.5
"""Most that a face can grow or shrink, and move in units of its side, from frame to frame."""


@dataclass(frozen=True)
class OneEuro:
    """Parameters of the One-Euro filter (Casiez, Roussel & Vogel 2012), in units of the face.

    min_cutoff: cut-off in Hz for a point at rest; lower is steadier. beta: Hz by which it rises
    for each face side a second that the point moves; higher lags less. speed_cutoff: cut-off in
    Hz of the speed itself.
    """

    min_cutoff: float = 0.1
    beta: float = 10.0
    speed_cutoff: float = 2.0

    def __post_init__(self) -> None:
        """Raise BadInput for parameters that filter nothing or everything."""
        for field in fields(self):
            value, least = getattr(self, field.name), 0 if field.name == "beta" else 1e-3
            if not least <= value <= 1e4:
                raise BadInput(f"{field.name} {value:g}: give {least:g} to 10000")


class Smoother:
    """The One-Euro filter on the landmarks of one face."""

    def __init__(self, parameters: OneEuro) -> None:
        self._parameters = parameters
        self._points: np.ndarray | None = None
        self._time = 0.0

    def __call__(self, points: np.ndarray, time: float) -> np.ndarray:
        """Landmarks [P, 2] in pixels, steadied; `time` in seconds rises from call to call."""
        if self._points is None or time <= self._time:
            self._points, self._speed = points, np.zeros_like(points)
        else:
            p, step = self._parameters, time - self._time
            side = float(np.ptp(points, axis=0).max())
            speed = (points - self._points) / (step * side)
            self._speed = self._speed + _share(p.speed_cutoff, step) * (speed - self._speed)
            moving = np.linalg.norm(self._speed, axis=1, keepdims=True)
            share = _share(p.min_cutoff + p.beta * moving, step)
            self._points = self._points + share * (points - self._points)
        self._time = time
        return self._points


def _share(cutoff: "np.ndarray | float", step: float) -> "np.ndarray | float":
    """Weight of the newest value in a low-pass filter with a cut-off in Hz and steps in s."""
    return 1 / (1 + 1 / (2 * np.pi * cutoff * step))


@dataclass(eq=False)
class _Person:
    """Somebody who is followed.

    confirmed, seen: time and square of the last detection. lost: the last landmarks could not be
    theirs.
    """

    face: Face
    smoother: Smoother | None
    confirmed: float
    seen: np.ndarray | None = None
    lost: bool = False


class Tracker:
    """Follows the faces of a video; call it with one frame after the other.

    start: boxes of faces in the first frame, which alone are followed then, without a detector;
    one that is lost is looked for in its box again. Without it the detector finds everybody.
    """

    def __init__(
        self,
        landmarker: Landmarker,
        smoothing: OneEuro | None = None,
        start: Sequence[Place] | None = None,
    ) -> None:
        self._landmarker, self._smoothing, self._start = landmarker, smoothing, start
        self._people: list[_Person] = []
        self._numbers = 0
        self._looked = -np.inf

    def __call__(self, frame: np.ndarray, time: float) -> list[Face]:
        """The faces in a frame uint8 BGR [H, W, 3] at `time` in seconds, by number."""
        self._follow(frame, time)
        if self._start is not None:
            self._restart(frame, time)
        else:
            calm = self._people and all(
                not person.lost and person.confirmed == self._looked for person in self._people
            )
            if time - self._looked >= (LOOK_S if calm else SEARCH_S):
                self._look(frame, time)
                self._looked = time
        shown = SHOWN_S if self._start is None else np.inf
        return [p.face for p in self._people if not p.lost and time - p.confirmed <= shown]

    def _follow(self, frame: np.ndarray, time: float) -> None:
        """Predict everybody on the crop that the last landmarks lead to."""
        scale = self._landmarker.crop_scale
        places = [Place(person.face.landmarks, scale) for person in self._people]
        faces = self._landmarker.predict(frame, places)
        for person, face in zip(self._people, faces, strict=True):
            possible = can_be_face(face.landmarks, frame) and _follows(person.face, face)
            person.lost = not possible
            if possible:
                self._place(person, face, time)

    def _place(self, person: _Person, face: Face, time: float) -> None:
        landmarks = person.smoother(face.landmarks, time) if person.smoother else face.landmarks
        number, score = person.face.number, face.score or person.face.score
        person.face = replace(face, landmarks=landmarks, number=number, score=score)
        person.lost = False

    def _add(self, face: Face, time: float) -> None:
        self._numbers += 1
        smoother = Smoother(self._smoothing) if self._smoothing else None
        person = _Person(replace(face, number=self._numbers), smoother, time)
        self._place(person, face, time)
        self._people.append(person)

    def _restart(self, frame: np.ndarray, time: float) -> None:
        """Predict the faces anew in the boxes they were given, at first and when they are lost."""
        for index, place in enumerate(self._start or ()):
            new = index >= len(self._people)
            if not new and not self._people[index].lost:
                continue
            face = self._landmarker.faces(frame, [place], passes=SETTLE)[0]
            if new:
                self._add(face, time)
            else:
                self._renew(self._people[index], face, time)

    def _renew(self, person: _Person, face: Face, time: float) -> None:
        """Put a person who was lost to another place, without a trace of the old one."""
        person.smoother = Smoother(self._smoothing) if self._smoothing else None
        self._place(person, face, time)

    def _look(self, frame: np.ndarray, time: float) -> None:
        """Detect: confirm people, find those who were lost, welcome new ones, forget others."""
        squares, scores = self._landmarker.detect(frame)
        unmatched = list(self._people)
        for square, score in zip(squares, scores.tolist(), strict=True):
            now = _overlaps(square, [person.face.box for person in unmatched])
            before = _overlaps(square, [person.seen for person in unmatched])
            either = np.maximum(now, before)
            match = unmatched[int(either.argmax())] if either.max(initial=0) > CONFIRMED else None
            if match is None or match.lost or now[int(either.argmax())] < DRIFTED:
                place = self._landmarker.square(square)
                face = self._landmarker.faces(frame, [place], [score], PASSES)[0]
                if match is None:
                    self._add(face, time)
                else:
                    self._renew(match, face, time)
            if match is None:
                match = self._people[-1]
            else:
                unmatched.remove(match)
            match.confirmed, match.seen = time, square
        self._people = _apart([p for p in self._people if time - p.confirmed <= KEEP_S])


def _overlaps(square: np.ndarray, boxes: Sequence[Any]) -> np.ndarray:
    """IoU [n] of a square with boxes (x, y, width, height); 0 for those that are None."""
    none = np.array([-1e9, -1e9, 1.0, 1.0])
    return iou(square, np.array([none if b is None else b for b in boxes]).reshape(-1, 4))


def _apart(people: "list[_Person]") -> "list[_Person]":
    """The people without those who came to lie on somebody with a lower number."""
    kept: list[_Person] = []
    for person in people:
        others = np.array([other.face.box for other in kept if not other.lost]).reshape(-1, 4)
        if person.lost or not (iou(np.array(person.face.box), others) > SAME).any():
            kept.append(person)
    return kept


def _follows(before: Face, after: Face) -> bool:
    """Whether a face can be the same one a frame later, by its size and place."""
    sides = [float(np.ptp(face.landmarks, axis=0).max()) for face in (before, after)]
    moved = np.linalg.norm(after.landmarks.mean(axis=0) - before.landmarks.mean(axis=0))
    grown = sides[1] / sides[0]
    return bool(1 / GROWTH <= grown <= GROWTH and moved <= JUMP * sides[0])
