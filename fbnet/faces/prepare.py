"""From a data set's folder, or a head to render, to a face set on disk."""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from fbnet.errors import BadInput
from fbnet.faces import duplicates, pose, split, suspicious
from fbnet.faces.faceset import SPLITS, FaceSet, create_images, keep_images, new_folder
from fbnet.faces.readers import recognise
from fbnet.faces.readers.base import Problems, Sample, Source
from fbnet.files import printable, write_csv, write_text
from fbnet.landmarks import SCHEMES, eye_distance
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


def prepare(params: FetchParams, folder: Path) -> Prepared:
    """Read or render all faces and write them to `folder` in one step.

    Raises BadInput for a data set that is not known, and for a bad record unless
    `params.on_bad` is "skip".
    """
    root = Path(params.root)
    layout, marker = recognise(root, params.layout)
    say(f"{printable(root)}: layout {layout} (found {marker})")
    cv2.setNumThreads(1)  # params.workers is what runs side by side
    problems = Problems(root, params.on_bad)
    source = READERS[layout].read(root, params, problems)
    with new_folder(folder) as target:
        samples, images = _store(source, target, params.size)
        doubts = _doubts(samples, images, source.margin)
        copies, groups = _copies(samples)
        dropped = _dropped(samples, doubts, copies, params, problems)
        write_csv(target / SUSPICIOUS, _rows(samples, doubts))
        write_csv(target / DUPLICATES, _rows(samples, {i: samples[j].name for i, j in copies}))
        kept = [index for index in range(len(samples)) if index not in dropped]
        samples, groups = [samples[index] for index in kept], [groups[index] for index in kept]
        faces = FaceSet(
            images=keep_images(target, images, kept),
            landmarks=np.stack([sample.landmarks for sample in samples]),
            pose=_poses(samples, params),
            split=split.assign(
                groups,
                [sample.split for sample in samples],
                params.test_share,
                params.validation_share,
                params.seed,
            ),
            names=[sample.name for sample in samples],
            groups=groups,
            size=params.size,
            margin=source.margin,
            crop_scale=source.crop_scale,
            layout=layout,
            source=marker,
            flags={
                name: np.array([sample.flags[name] for sample in samples])
                for name in samples[0].flags
            },
        )
        faces.save_labels(target)
        write_text(target / SKIPPED, "".join(f"{line}\n" for line in problems.messages))
        unused = problems.unused() if problems.used else {}
        rows = [{"file": name, "reason": reason} for name, reason in unused.items()]
        write_csv(target / UNUSED, rows)
    _tell_unused(unused)
    suspects = {samples[i].name: doubts[at] for i, at in enumerate(kept) if at in doubts}
    return Prepared(FaceSet.load(folder), tuple(problems.messages), unused, suspects)


def _rows(samples: Sequence[Sample], notes: Mapping[int, str]) -> list[dict[str, str]]:
    """Rows of a list of faces with a note on each."""
    return [{"face": samples[index].name, "note": note} for index, note in notes.items()]


def _doubts(samples: Sequence[Sample], images: np.ndarray, margin: int) -> dict[int, str]:
    """What is suspicious about the labels of photographs, by index; rendered ones are exact."""
    own = {i: sample.doubt for i, sample in enumerate(samples) if sample.doubt}
    if not samples or samples[0].fingerprint is None:
        return own
    landmarks = np.stack([sample.landmarks for sample in samples])
    centres = np.array([sample.centre for sample in samples])
    scheme = SCHEMES[landmarks.shape[1]]
    others = suspicious.doubts(landmarks, images[: len(samples)], centres, scheme, margin)
    return dict(sorted((others | own).items()))


def _copies(samples: Sequence[Sample]) -> tuple[list[tuple[int, int]], list[str]]:
    """Pairs of faces whose photograph is there twice, and the groups with these joined."""
    groups = [sample.group for sample in samples]
    prints = [sample.fingerprint for sample in samples if sample.fingerprint is not None]
    if not prints:
        return [], groups
    pairs = duplicates.duplicates(np.stack(prints), groups)
    return pairs, duplicates.merged(groups, pairs)


def _dropped(
    samples: Sequence[Sample],
    doubts: Mapping[int, str],
    copies: Sequence[tuple[int, int]],
    params: FetchParams,
    problems: Problems,
) -> set[int]:
    """Indices of the faces to leave out: suspicious ones if so asked, copies of another split.

    Raises BadInput for a suspicious label where `params.on_suspicious` is "fail".
    """
    dropped = set()
    if doubts:
        first, what = next(iter(doubts.items()))
        line = f"{len(doubts)} suspicious label(s), the first {samples[first].name}: {what}"
        if params.on_suspicious == "fail":
            raise BadInput(f"{line}; fix them, or set fetch.on_suspicious to keep or skip")
        say(f"warning: {line}; {SUSPICIOUS} lists them (fetch.on_suspicious: keep, skip, fail)")
        if params.on_suspicious == "skip":
            dropped |= set(doubts)
    for pair in copies:
        # Of two given splits the one that is measured on keeps the photograph.
        one, other = sorted(pair, key=lambda index: SPLITS[samples[index].split or "train"])
        if samples[one].split != samples[other].split:
            dropped.add(one)
    if copies:
        say(
            f"{len(copies)} photographs are there twice by content: kept in one split, "
            f"{len(dropped - set(doubts))} copies left out; {DUPLICATES} lists them"
        )
    twins = dict(copies)
    for index in sorted(dropped):
        reason = doubts.get(index) or f"a copy of {samples[twins.get(index, index)].name}"
        problems.messages.append(f"{samples[index].name}: {reason}")
        problems.reasons[samples[index].name.partition("#")[0]] = f"left out: {reason}"
    return dropped


def _tell_unused(unused: Mapping[str, str]) -> None:
    """Say how many files gave no face, by reason."""
    reasons = Counter(reason.partition(":")[0] for reason in unused.values())
    if reasons:
        counts = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
        say(f"{len(unused)} files not used ({counts}); {UNUSED} lists them")


def _store(source: Source, folder: Path, size: int) -> tuple[list[Sample], np.ndarray]:
    """Write the images one by one; returns the samples without them, and the mapped images."""
    images = create_images(folder, source.count, size + 2 * source.margin)
    stored: list[Sample] = []
    for sample in source.samples:
        if sample is not None:
            images[len(stored)] = sample.image
            stored.append(dataclasses.replace(sample, image=images[:0]))
    return stored, images


def _poses(samples: Sequence[Sample], params: FetchParams) -> np.ndarray:
    """Pose float32 [N, 3] as `params.pose` says; warns where a list's angles look wrong."""
    computed = np.stack([sample.pose for sample in samples])
    listed = np.array([sample.listed_pose is not None for sample in samples])
    if not listed.any():
        return computed
    given = np.stack([sample.listed_pose for sample in samples if sample.listed_pose is not None])
    apart = np.degrees(np.median(pose.difference(given, computed[listed])))
    if apart > GROSS_DEG:
        used = "they are kept (fetch.pose: keep)" if params.pose == "keep" else "they are not used"
        say(f"warning: the listed head angles are {apart:.0f} degrees off the landmarks'; {used}")
    if params.pose == "keep":
        computed[listed] = given
    return computed


def statistics(faces: FaceSet) -> dict[str, float]:
    """Counts and label statistics that tell whether a face set's labels make sense.

    train, validation, test, faces, groups: counts. points: landmarks per face. size, margin:
    pixels. eye_distance: mean distance of the outer eye corners in units of the crop.
    points_outside: share of the points outside the inner crop. pitch_mean_deg, ... roll_std_deg.
    """
    outside = (faces.landmarks < 0) | (faces.landmarks > 1)
    degrees = np.degrees(faces.pose.astype(np.float64))
    figures = {
        "eye_distance": eye_distance(faces.landmarks, faces.scheme).mean(),
        "points_outside": outside.any(axis=-1).mean(),
    }
    for axis, values in zip(("pitch", "yaw", "roll"), degrees.T, strict=True):
        figures[f"{axis}_mean_deg"] = values.mean()
        figures[f"{axis}_std_deg"] = values.std()
    counts = {name: len(faces.indices(name)) for name in SPLITS} | {
        "faces": len(faces),
        "groups": len(set(faces.groups)),
        "points": faces.points,
        "size": faces.size,
        "margin": faces.margin,
    }
    # Six digits: the rest differs between machines.
    return counts | {name: float(f"{value:.6g}") for name, value in figures.items()}
