"""A folder with a head (head.npz) instead of photographs: its faces are rendered."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from fbnet.errors import BadInput
from fbnet.faces import synthetic
from fbnet.faces.readers.base import Problems, Reader, Sample, Source
from fbnet.landmarks import VERTEX, Place, place_of
from fbnet.params import FetchParams
from fbnet.progress import track


def detect(root: Path) -> str | None:
    """The head's file, where the folder holds one."""
    return synthetic.HEAD_FILE if (root / synthetic.HEAD_FILE).is_file() else None


def read(root: Path, params: FetchParams, problems: Problems) -> Source:
    """As many faces as `fetch.synthetic` says; no record can be bad.

    Raises BadInput where `fetch.scheme` does not say where its points lie on the head.
    """
    count, head = params.synthetic.train + params.synthetic.test, synthetic.load_head(root)
    faces = _render(head, params, _places(head, params), count)
    return Source(count, params.margin, faces, params.crop_scale)


def _places(head: synthetic.Head, params: FetchParams) -> list[Place]:
    """The places of the described scheme; none where a known one is rendered."""
    if params.scheme is None:
        return []
    if params.scheme.head is None:
        raise BadInput(
            "fetch.scheme: faces are rendered, so state in fetch.scheme.head where each point lies "
            "on the head, such as left_pupil, 68:30 or vertex:1203; null renders "
            "fetch.synthetic.points"
        )
    for number, text in enumerate(params.scheme.head):
        for of, vertex in place_of(text):
            if of == VERTEX and vertex >= len(head.vertices):
                raise BadInput(
                    f"fetch.scheme.head: point {number}: {text}: the head has vertices 0 to "
                    f"{len(head.vertices) - 1}"
                )
    return [place_of(text) for text in params.scheme.head]


def _render(
    head: synthetic.Head, params: FetchParams, places: Sequence[Place], count: int
) -> Iterator[Sample]:
    """The first `train` faces are for training, the rest, which show other people, for test."""
    faces = synthetic.render_many(
        head,
        params.synthetic,
        range(count),
        params.size,
        params.margin,
        params.workers,
        params.crop_scale,
        places,
    )
    for index, face in enumerate(track(faces, "faces", count, "faces")):
        yield Sample(
            image=face.image,
            landmarks=face.landmarks,
            pose=face.pose,
            name=f"face{index:06d}",
            group=f"person{face.identity:06d}",
            split="train" if index < params.synthetic.train else "test",
            flags=face.flags,
            exact={"visible": face.visible, "openness": face.openness},
        )


READER = Reader(looks_for=synthetic.HEAD_FILE, detect=detect, read=read)
