"""A folder with a head (head.npz) instead of photographs: its faces are rendered."""

from collections.abc import Iterator
from pathlib import Path

from fbnet.faces import synthetic
from fbnet.faces.readers.base import Problems, Reader, Sample, Source
from fbnet.params import FetchParams
from fbnet.progress import track


def detect(root: Path) -> str | None:
    """The head's file, where the folder holds one."""
    return synthetic.HEAD_FILE if (root / synthetic.HEAD_FILE).is_file() else None


def read(root: Path, params: FetchParams, problems: Problems) -> Source:
    """As many faces as `fetch.synthetic` says; no record can be bad."""
    count = params.synthetic.train + params.synthetic.test
    return Source(count, params.margin, _render(synthetic.load_head(root), params, count))


def _render(head: synthetic.Head, params: FetchParams, count: int) -> Iterator[Sample]:
    """The first `train` faces are for training, the rest, which show other people, for test."""
    faces = synthetic.render_many(
        head, params.synthetic, range(count), params.size, params.margin, params.workers
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
