"""From a data set's folder, or a head to render, to a face set on disk."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np

from fbnet.errors import BadInput
from fbnet.faces import duplicates, pose, schemes, split, suspicious
from fbnet.faces.faceset import CHUNK, SPLITS, FaceSet, create_images, keep_images, release
from fbnet.faces.readers import recognise
from fbnet.faces.readers.base import Problems, Sample, Source
from fbnet.files import new_folder, printable, write_csv, write_text
from fbnet.landmarks import SCHEMES, Scheme, eye_distance
from fbnet.params import FetchParams
from fbnet.progress import say
from fbnet.tables import READERS

GROSS_DEG = 20.0
"""Median difference of two poses from which on one of them must be wrong, degrees."""
SKIPPED = "skipped.txt"
"""File beside the arrays that lists what was left out, one message a line."""
SUSPICIOUS, DUPLICATES = "suspicious.csv", "duplicates.csv"
"""Files beside the arrays that list faces whose label looks wrong, and photographs that are there
twice."""
UNUSED = "unused.csv"
"""File beside the arrays that lists every file of the data set that gave no face, and why."""


@dataclass(frozen=True)
class Prepared:
    """The face set and what was left out.

    skipped: messages about bad records. unused: why each file that gave no face was not used, by
    its path relative to the data set. suspicious: what looks wrong about faces that are kept, by
    name.
    """

    faces: FaceSet
    skipped: tuple[str, ...]
    unused: Mapping[str, str]
    suspicious: Mapping[str, str]


def prepare(params: FetchParams, folder: Path, draw_split: bool = True) -> Prepared:
    """Read or render all faces and write them to `folder` in one step.

    draw_split: draw the test and validation parts that the data set does not name; else faces of
    no named part are for training. Raises BadInput for a data set that is not known, and for a bad
    record unless `params.on_bad` is "skip".
    """
    root = Path(params.root)
    layout, marker = recognise(root, params.layout)
    say(f"{printable(root)}: layout {layout} (found {marker})")
    cv2.setNumThreads(1)  # params.workers is what runs side by side
    problems = Problems(root, params.on_bad, schemes.known_points(params.scheme))
    source = READERS[layout].read(root, params, problems)
    with new_folder(folder) as target:
        images = create_images(target, source.count, params.size + 2 * source.margin)
        stored = _store(source, images)
        names, scheme = stored.names, _scheme(stored, params)
        doubts = _doubts(stored, images, source.margin, scheme)
        copies, groups = _copies(stored)
        dropped = _dropped(stored, doubts, copies, groups, params, problems)
        write_csv(target / SUSPICIOUS, _rows(names, doubts.items()))
        write_csv(target / DUPLICATES, _rows(names, ((i, names[j]) for i, j in copies)))
        kept = [index for index in range(len(names)) if index not in dropped]
        for index in kept:  # another face of the picture may have been left out
            problems.reasons.pop(stored.pictures[index], None)
        groups = [groups[index] for index in kept]
        faces = FaceSet(
            images=keep_images(target, images, kept),
            landmarks=stored.landmarks[kept],
            pose=_poses(stored, kept, params),
            split=split.assign(
                groups,
                [stored.splits[index] for index in kept],
                params.test_share if draw_split else 0.0,
                params.validation_share if draw_split else 0.0,
                params.seed,
            ),
            names=[names[index] for index in kept],
            groups=groups,
            size=params.size,
            margin=source.margin,
            crop_scale=source.crop_scale,
            layout=layout,
            source=marker,
            flags=dict(zip(stored.flags, stored.flag_table[kept].T, strict=True)),
            exact={name: values[kept] for name, values in stored.exact.items()},
            own_scheme=None if scheme in SCHEMES.values() else scheme,
        )
        faces.save_labels(target)
        write_text(target / SKIPPED, "".join(f"{line}\n" for line in problems.messages))
        unused = {} if stored.fingerprints is None else problems.unused()
        rows = [{"file": name, "reason": reason} for name, reason in unused.items()]
        write_csv(target / UNUSED, rows)
    _tell_unused(unused)
    suspects = {names[index]: doubts[index] for index in kept if index in doubts}
    return Prepared(faces, tuple(problems.messages), unused, suspects)


def _rows(names: Sequence[str], notes: Iterable[tuple[int, str]]) -> list[dict[str, str]]:
    """Rows of a list of faces with notes."""
    return [{"face": names[index], "note": note} for index, note in notes]


def _scheme(stored: "_Stored", params: FetchParams) -> Scheme:
    """The order of the stored landmarks, its mirror found from them where nobody stated it."""
    scheme = schemes.scheme_of(stored.landmarks.shape[1], params.scheme)
    if scheme.mirror:
        return scheme
    mirror = schemes.find_mirror(stored.landmarks, scheme.eyes)
    say(f"fetch.scheme.mirror: found from the faces: {list(mirror)}")
    return replace(scheme, mirror=mirror)


def _doubts(stored: "_Stored", images: np.ndarray, margin: int, scheme: Scheme) -> dict[int, str]:
    """What is suspicious about the labels of photographs, by index; rendered ones are exact."""
    if stored.fingerprints is None:
        return stored.doubts
    landmarks, images = stored.landmarks, images[: len(stored.names)]
    others = suspicious.doubts(landmarks, images, stored.centres, scheme, margin)
    return dict(sorted((others | stored.doubts).items()))


def _copies(stored: "_Stored") -> tuple[list[tuple[int, int]], list[str]]:
    """Pairs of faces whose photograph is there twice, and the groups with these joined."""
    if stored.fingerprints is None:
        return [], stored.groups
    pairs = duplicates.duplicates(stored.fingerprints, stored.groups)
    return pairs, duplicates.merged(stored.groups, pairs)


def _dropped(
    stored: "_Stored",
    doubts: Mapping[int, str],
    copies: Sequence[tuple[int, int]],
    groups: Sequence[str],
    params: FetchParams,
    problems: Problems,
) -> set[int]:
    """Indices of the faces to leave out: suspicious ones if so asked, copies of another split.

    groups: with those of copies joined, so that copies of copies are found too.
    Raises BadInput for a suspicious label where `params.on_suspicious` is "fail".
    """
    reasons: dict[int, str] = {}
    if doubts:
        first, what = next(iter(doubts.items()))
        line = f"{len(doubts)} suspicious label(s), the first {stored.names[first]}: {what}"
        if params.on_suspicious == "fail":
            raise BadInput(f"{line}; fix them, or set fetch.on_suspicious to keep or skip")
        say(f"warning: {line}; {SUSPICIOUS} lists them (fetch.on_suspicious: keep, skip, fail)")
        if params.on_suspicious == "skip":
            reasons |= doubts
    suspicious = len(reasons)
    # Of two given splits the one that is measured on keeps the photograph.
    for one, other in split.straddling(groups, stored.splits) if copies else ():
        reasons.setdefault(one, f"a copy of {stored.names[other]}")
    if copies:
        say(
            f"{len(copies)} photographs are there twice by content: kept in one split, "
            f"{len(reasons) - suspicious} copies left out; {DUPLICATES} lists them"
        )
    for index, reason in sorted(reasons.items()):
        problems.messages.append(f"{stored.names[index]}: {reason}")
        problems.reasons[stored.pictures[index]] = f"left out: {reason}"
    return set(reasons)


def _tell_unused(unused: Mapping[str, str]) -> None:
    """Say how many files gave no face, by reason."""
    reasons = Counter(reason.partition(":")[0] for reason in unused.values())
    if reasons:
        counts = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
        say(f"{len(unused)} files not used ({counts}); {UNUSED} lists them")


@dataclass
class _Stored:
    """The stored faces by column: N samples as objects would take several times their memory.

    names, groups, splits, pictures: as in `Sample`, one a face. landmarks float32 [N,P,2], pose
    and listed float32 [N,3], NaN where no pose is listed; flags: names of the columns of flag_table
    bool [N,F]; doubts: by index; centres [N,2]; fingerprints uint8 [N,80], None for rendered faces;
    exact: as in `FaceSet`.
    """

    flags: tuple[str, ...]
    landmarks: np.ndarray
    pose: np.ndarray
    listed: np.ndarray
    flag_table: np.ndarray
    centres: np.ndarray
    fingerprints: np.ndarray | None
    exact: dict[str, np.ndarray]
    names: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    splits: list[str | None] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)
    doubts: dict[int, str] = field(default_factory=dict)

    @classmethod
    def like(cls, sample: Sample, count: int) -> "_Stored":
        """Room for `count` faces of the kind of `sample`."""
        print_ = sample.fingerprint
        return cls(
            flags=tuple(sample.flags),
            landmarks=np.empty((count, *sample.landmarks.shape), np.float32),
            pose=np.empty((count, 3), np.float32),
            listed=np.full((count, 3), np.nan),
            flag_table=np.empty((count, len(sample.flags)), bool),
            centres=np.empty((count, 2)),
            fingerprints=None if print_ is None else np.empty((count, len(print_)), np.uint8),
            exact={k: np.empty((count, *v.shape), v.dtype) for k, v in sample.exact.items()},
        )

    def add(self, sample: Sample) -> None:
        """Append one face."""
        at = len(self.names)
        self.landmarks[at], self.pose[at], self.centres[at] = (
            sample.landmarks,
            sample.pose,
            sample.centre,
        )
        for name, values in self.exact.items():
            values[at] = sample.exact[name]
        self.flag_table[at] = [sample.flags[name] for name in self.flags]
        if sample.listed_pose is not None:
            self.listed[at] = sample.listed_pose
        if self.fingerprints is not None:
            self.fingerprints[at] = sample.fingerprint
        if sample.doubt:
            self.doubts[at] = sample.doubt
        self.names.append(sample.name)
        self.groups.append(sample.group)
        self.splits.append(sample.split)
        # One text where the two are alike.
        self.pictures.append(sample.name if sample.picture == sample.name else sample.picture)

    def cut(self) -> "_Stored":
        """Without the room that was not used."""
        count = len(self.names)
        arrays = ("landmarks", "pose", "listed", "flag_table", "centres", "fingerprints")
        for name in arrays:
            if getattr(self, name) is not None:
                setattr(self, name, getattr(self, name)[:count])
        self.exact = {name: values[:count] for name, values in self.exact.items()}
        return self


def _store(source: Source, images: np.ndarray) -> _Stored:
    """Write the images one by one; returns what else is known about their faces.

    Raises BadInput where every record is left out.
    """
    stored = None
    for sample in source.samples:
        if sample is not None:
            stored = stored or _Stored.like(sample, source.count)
            images[len(stored.names)] = sample.image
            stored.add(sample)
            if len(stored.names) % CHUNK == 0:
                release(images)
    if stored is None:
        raise BadInput("faces: none to store; see the lines above for what was left out")
    return stored.cut()


def _poses(stored: _Stored, kept: Sequence[int], params: FetchParams) -> np.ndarray:
    """Pose float32 [N,3] of the faces `kept` as `params.pose` says.

    Warns where a list's angles look wrong.
    """
    computed, given = stored.pose[kept], stored.listed[kept]
    listed = ~np.isnan(given[:, 0])
    if not listed.any():
        return computed
    apart = np.degrees(np.nanmedian(pose.difference(given[listed], computed[listed])))
    if apart > GROSS_DEG:
        used = "they are kept (fetch.pose: keep)" if params.pose == "keep" else "they are not used"
        say(f"warning: the listed head angles are {apart:.0f} degrees off the landmarks'; {used}")
    if params.pose == "keep":
        computed[listed] = given[listed]
    return computed


def statistics(faces: FaceSet) -> dict[str, float]:
    """Counts and label statistics that tell whether a face set's labels make sense.

    train, validation, test, faces, groups: counts. points: landmarks per face. size, margin:
    pixels. eye_distance: mean distance of the outer eye corners in units of the crop.
    points_outside: share of the points outside the inner crop. points_unseen: share without a
    label, where there are any. pitch_mean_deg, ... roll_std_deg: of the faces that have a pose.
    """
    outside = (faces.landmarks < 0) | (faces.landmarks > 1)
    degrees = np.degrees(faces.pose.astype(np.float64))
    degrees = degrees[np.isfinite(degrees[:, 0])]
    figures = {
        "eye_distance": eye_distance(faces.landmarks, faces.scheme).mean(),
        "points_outside": outside.any(axis=-1).mean(),
    }
    if (unseen := np.isnan(faces.landmarks[..., 0])).any():
        figures["points_unseen"] = unseen.mean()
    for column, axis in enumerate(("pitch", "yaw", "roll") if len(degrees) else ()):
        figures[f"{axis}_mean_deg"] = degrees[:, column].mean()
        figures[f"{axis}_std_deg"] = degrees[:, column].std()
    counts = {name: len(faces.indices(name)) for name in SPLITS} | {
        "faces": len(faces),
        "groups": len(set(faces.groups)),
        "points": faces.points,
        "size": faces.size,
        "margin": faces.margin,
    }
    # Six digits: the rest differs between machines.
    return counts | {name: float(f"{value:.6g}") for name, value in figures.items()}
