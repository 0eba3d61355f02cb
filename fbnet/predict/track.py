"""Faces over the frames of a video: people keep their numbers, what is told of them is steadied.

A crop follows the landmarks of the frame before. The detector looks for faces where none is
followed, where one is lost, and from time to time for new ones. Landmarks of somebody who passes
behind somebody else slide onto the face in front: who moved evenly keeps it, the other is hidden
until the detector sees them again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from fbnet.errors import BadInput
from fbnet.outputs import LANDMARKS, OUTPUTS
from fbnet.predict.crops import Place, can_be_face
from fbnet.predict.detect import iou
from fbnet.predict.landmarker import PASSES, SAME, Face, Landmarker

SETTLE = 3
"""Predictions of a face whose place was given, on the first frame."""
SEARCH_S, LOOK_S = 0.1, 0.5
"""Seconds from one detection to the next: while somebody is missed or nobody there; otherwise."""
SHOWN_S, KEEP_S = 0.8, 1.5
"""Seconds from the first detection that misses a person for which they are shown, and keep the
number."""
PATH_S = 1.5
"""Seconds of a person's path that are remembered: its first half tells where they were going."""
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
        for each in fields(self):
            value, least = getattr(self, each.name), 0 if each.name == "beta" else 1e-3
            if not least <= value <= 1e4:
                raise BadInput(f"{each.name} {value:g}: give {least:g} to 10000")


class Smoother:
    """The One-Euro filter on one output for one face, such as the landmarks."""

    def __init__(self, parameters: OneEuro) -> None:
        self._parameters = parameters
        self._points: np.ndarray | None = None
        self._time = 0.0

    def __call__(self, values: np.ndarray, time: float, side: float | None = None) -> np.ndarray:
        """Points [n, d] or numbers [n], steadied; `time` in seconds rises from call to call.

        side: what counts as a face side among them; without it the points are landmarks in pixels.
        """
        points = values.reshape(len(values), -1)
        if self._points is None or time <= self._time:
            self._points, self._speed = points, np.zeros_like(points)
        else:
            p, step = self._parameters, time - self._time
            side = side or float(np.ptp(points, axis=0).max())
            speed = (points - self._points) / (step * side)
            self._speed = self._speed + _share(p.speed_cutoff, step) * (speed - self._speed)
            moving = np.linalg.norm(self._speed, axis=1, keepdims=True)
            share = _share(p.min_cutoff + p.beta * moving, step)
            self._points = self._points + share * (points - self._points)
        self._time = time
        return self._points.reshape(values.shape)


def _share(cutoff: "np.ndarray | float", step: float) -> "np.ndarray | float":
    """Weight of the newest value in a low-pass filter with a cut-off in Hz and steps in s."""
    return 1 / (1 + 1 / (2 * np.pi * cutoff * step))


@dataclass(eq=False)
class _Person:
    """Somebody who is followed.

    seen: square (x, y, side, side) of the last detection that showed them. smoothers: by the
    output's name. missed: time of the first detection since then that did not, or of being hidden;
    inf for none. path: times and landmarks of the last PATH_S; of who is missed, its first half.
    lost: the last landmarks could not be theirs. hidden: lost behind somebody else.
    """

    face: Face
    seen: np.ndarray
    smoothers: dict[str, Smoother]
    missed: float = np.inf
    path: list[tuple[float, np.ndarray]] = field(default_factory=list)
    lost: bool = False
    hidden: bool = False

    def remember(self, time: float) -> None:
        """Where they are at `time` becomes the end of their path."""
        if self.missed == np.inf and not self.lost:
            recent = [step for step in self.path if time - step[0] <= PATH_S]
            self.path = [*recent, (time, self.face.landmarks)]

    def miss(self, time: float) -> None:
        """They are not to be seen; where their landmarks went lately may be somebody else's way."""
        if self.missed == np.inf:
            self.missed, self.path = time, self._first_half()

    def led(self, time: float) -> np.ndarray:
        """Landmarks [P, 2] where they are at `time` if they move as in the path's first half."""
        path = self.path if self.missed < np.inf else self._first_half()
        (begun, first), (ended, last) = path[0], path[-1]
        if begun == ended:
            return last
        return last + (last - first).mean(axis=0) * (time - ended) / (ended - begun)

    def bend(self, time: float) -> float:
        """Pixels from where their path led to where they are at `time`."""
        return float(np.linalg.norm((self.face.landmarks - self.led(time)).mean(axis=0)))

    def _first_half(self) -> list[tuple[float, np.ndarray]]:
        middle = (self.path[0][0] + self.path[-1][0]) / 2
        return [step for step in self.path if step[0] <= middle]


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
            self._separate(time)
            calm = self._people and all(p.missed == np.inf and not p.lost for p in self._people)
            if time - self._looked >= (LOOK_S if calm else SEARCH_S):
                self._look(frame, time)
                self._looked = time
            for person in self._people:
                person.remember(time)
        return [p.face for p in self._people if not p.lost and time - p.missed <= SHOWN_S]

    def _follow(self, frame: np.ndarray, time: float) -> None:
        """Predict everybody who is not hidden on the crop that the last landmarks lead to."""
        followed = [person for person in self._people if not person.hidden]
        places = [Place(p.face.landmarks, self._landmarker.crop_scale) for p in followed]
        faces = self._landmarker.predict(frame, places)
        for person, face in zip(followed, faces, strict=True):
            person.lost = not (can_be_face(face.landmarks, frame) and _follows(person.face, face))
            if not person.lost:
                self._place(person, face, time)

    def _place(self, person: _Person, face: Face, time: float) -> None:
        number, score = person.face.number, face.score or person.face.score
        steady: dict[str, Any] = {
            name: smoother(values, time, None if name == LANDMARKS else OUTPUTS[name].unit)
            for name, smoother in person.smoothers.items()
            if (values := getattr(face, name)) is not None
        }
        person.face = replace(face, **steady, number=number, score=score)
        person.lost = person.hidden = False

    def _add(self, face: Face, time: float) -> _Person:
        self._numbers += 1
        face = replace(face, number=self._numbers)
        person = _Person(face, np.array(face.box), self._smoothers())
        self._place(person, face, time)
        self._people.append(person)
        return person

    def _smoothers(self) -> dict[str, Smoother]:
        return {name: Smoother(self._smoothing) for name in OUTPUTS} if self._smoothing else {}

    def _separate(self, time: float) -> None:
        """Of each two people on one face hide the one whose path bends more to get there."""
        for index, person in enumerate(self._people):
            for other in self._people[:index]:
                shown = not (person.lost or other.lost)
                if shown and _overlap(person.face, np.array(other.face.box)) > SAME:
                    behind = max(person, other, key=lambda p: p.bend(time))
                    behind.miss(time)
                    behind.lost = behind.hidden = True

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
        person.smoothers = self._smoothers()
        self._place(person, face, time)

    def _look(self, frame: np.ndarray, time: float) -> None:
        """Detect: confirm people, find those who were lost, welcome new ones, forget others."""
        squares, scores = self._landmarker.detect(frame)
        matches, found = _matches(self._people, squares, time), []
        for square, score, person in zip(squares, scores.tolist(), matches, strict=True):
            if person is None or person.lost or _overlap(person.face, square) < DRIFTED:
                place = self._landmarker.square(square)
                face = self._landmarker.faces(frame, [place], [score], PASSES)[0]
                others = [p for p in self._people if p is not person and not p.lost]
                if any(_overlap(face, np.array(other.face.box)) > SAME for other in others):
                    continue  # the square of a hidden face, or a second one of the same
                if person is None:
                    person = self._add(face, time)
                else:
                    self._renew(person, face, time)
            person.missed, person.seen = np.inf, square
            found.append(person)
        for person in self._people:
            if person not in found:
                person.miss(time)
        self._people = [p for p in self._people if time - p.missed <= KEEP_S]


def _matches(people: Sequence[_Person], squares: np.ndarray, time: float) -> list[_Person | None]:
    """Whom each of the squares [n, 4] shows at `time`, None for somebody new.

    The best pairs come first; landmarks in a square count more than being led or seen there.
    """
    ranks = np.zeros((len(people), len(squares)))
    for row, person in zip(ranks, people, strict=True):
        ahead = replace(person.face, landmarks=person.led(time))
        now, later = (iou(np.array(face.box), squares) for face in (person.face, ahead))
        here = (now > CONFIRMED) & (not person.lost)
        row[:] = np.where(here, 1 + now, np.max([now, later, iou(person.seen, squares)], axis=0))
    matches: list[_Person | None] = [None] * len(squares)
    for pair in np.argsort(-ranks, axis=None, kind="stable").tolist():
        person, square = people[pair // len(squares)], pair % len(squares)
        if ranks.flat[pair] > CONFIRMED and matches[square] is None and person not in matches:
            matches[square] = person
    return matches


def _overlap(one: Face, box: np.ndarray) -> float:
    """IoU of a face's landmarks and a box (x, y, width, height)."""
    return float(iou(np.array(one.box), box[None])[0])


def _follows(before: Face, after: Face) -> bool:
    """Whether a face can be the same one a frame later, by its size and place."""
    sides = [float(np.ptp(face.landmarks, axis=0).max()) for face in (before, after)]
    moved = np.linalg.norm(after.landmarks.mean(axis=0) - before.landmarks.mean(axis=0))
    grown = sides[1] / sides[0]
    return bool(1 / GROWTH <= grown <= GROWTH and moved <= JUMP * sides[0])
