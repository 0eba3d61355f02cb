"""From a data set's folder, or a head to render, to a face set on disk."""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from fbnet.faces import pose, split
from fbnet.faces.faceset import SPLITS, FaceSet, create_images, new_folder, trim_images
from fbnet.faces.readers import recognise
from fbnet.faces.readers.base import Problems, Sample, Source
from fbnet.files import printable, write_csv, write_text
from fbnet.landmarks import eye_distance
from fbnet.params import FetchParams
from fbnet.progress import say
from fbnet.tables import READERS

GROSS_DEG = 20.0
"""Median difference of two poses from which on one of them must be wrong, degrees."""
SKIPPED = "skipped.txt"
"""File beside the arrays that lists what was left out, one message a line."""
UNUSED = "unused.csv"
"""File beside the arrays that lists every file of the data set that gave no face, and why."""


@dataclass(frozen=True)
class Prepared:
    """The face set and what was left out.

    skipped: messages about bad records. unused: why each file that gave no face was not used, by
    its path relative to the data set.
    """

    faces: FaceSet
    skipped: tuple[str, ...]
    unused: Mapping[str, str]


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
        groups = [sample.group for sample in samples]
        faces = FaceSet(
            images=images,
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
    return Prepared(FaceSet.load(folder), tuple(problems.messages), unused)


def _tell_unused(unused: Mapping[str, str]) -> None:
    """Say how many files gave no face, by reason."""
    reasons = Counter(reason.partition(":")[0] for reason in unused.values())
    if reasons:
        counts = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
        say(f"{len(unused)} files not used ({counts}); {UNUSED} lists them")


def _store(source: Source, folder: Path, size: int) -> tuple[list[Sample], np.ndarray]:
    """Write the images one by one; returns the samples without them, and the images mapped."""
    images = create_images(folder, source.count, size + 2 * source.margin)
    stored: list[Sample] = []
    for sample in source.samples:
        if sample is not None:
            images[len(stored)] = sample.image
            stored.append(dataclasses.replace(sample, image=images[:0]))
    images.flush()
    return stored, trim_images(folder, len(stored))


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
