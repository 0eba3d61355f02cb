"""The jobs' work: clips rendered, and trackers that follow the people in them."""

from itertools import product
from typing import Any

from benchmarks.core.jobs import Job
from benchmarks.core.ledger import Ledger
from benchmarks.video.clips import KINDS, load, save
from benchmarks.video.clips import film as film_clip
from benchmarks.video.table import judged
from benchmarks.video.trackers import mesh, ours
from fbnet.faces.synthetic import load_head
from fbnet.predict.track import OneEuro
from fbnet.progress import track


def film(job: Job, ledger: Ledger) -> dict[str, Any]:
    """Render the clips of a part into a file."""
    head, names = load_head(job.inputs), [*product(KINDS, job.setting["people"])]
    shown = track(names, job.name, len(names), "clips")
    clips = {f"{kind}/{number}": film_clip(head, kind, number) for kind, number in shown}
    save(clips, ledger.file(job))
    return {"clips": len(clips), "frames": sum(len(clip.landmarks) for clip in clips.values())}


def follow(job: Job, ledger: Ledger) -> dict[str, Any]:
    """Follow every clip of a part and judge what came out."""
    part, name = job.name.split("/")
    if name == "mesh":
        tracker = mesh()
    else:
        chosen = job.setting["filter"]
        tracker = ours(OneEuro(**chosen) if chosen else None, detect=part == "shown")
    clips = load(ledger.file(job.needs[0]))
    return judged({n: (tracker(c.frames(), c.landmarks), c.landmarks) for n, c in clips.items()})
