"""Counts what becomes of bad inputs: `python tools/bad_inputs.py [--each 150]`.

Each of params (other values, other bytes), cost tables, ONNX metadata, labels in five forms, face
sets, boxes, a kit with what a device gave back and, with `--results FOLDER`, a run's results is
changed at one place, drawn from a seed, and read. Prints how many worked, were refused in one line,
or were no better than a traceback or a hang (10 s). Exit code 1 where there is one of these.
"""

import argparse
import contextlib
import io
import json
import random
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from fbnet.costs.kit.contents import FILE as CONTENTS_FILE
from fbnet.costs.kit.contents import Contents, read_contents
from fbnet.costs.kit.results import table_of
from fbnet.costs.kit.write import write_kit
from fbnet.costs.lut import from_json
from fbnet.costs.macs import macs_table
from fbnet.errors import BadInput
from fbnet.faces.faceset import FaceSet
from fbnet.faces.prepare import prepare
from fbnet.landmarks import SCHEMES
from fbnet.params import NNI_SPACE, FetchParams, SpaceParams, StageParams
from fbnet.predict.boxes import read_boxes
from fbnet.predict.interface import OURS, describe
from stages.page.report import report
from stages.params import Params, load, render
from stages.results import Results
from stages.table import print_table
from stages.tracking.model import model_card

LONGEST_S = 10
WEIRD: list[Any] = [
    *(None, True, -1, 0, 3, 10**400, float("nan"), float("inf"), -1e-9, 1e300, "", "\0", "../.."),
    *(
        "nan",
        "1e999",
        "a\nb",
        "~",
        "\ud800",
        [],
        [1],
        [[1]],
        {},
        {"a": 1},
        {"": None},
        "x" * 10_000,
    ),
]
BYTES = [
    *(b"\xff", b"\0", b"\t", b"[" * 5000, b"{" * 300, b"- " * 3000, b"*a", b"&a [*a]", b"!!int x"),
    *(b"!!binary '#'", b"2001-99-99", b"? [1]\n: 2\n", b"<<: 3\n", b"9" * 5000, b"\x07", b"---\n"),
    *(b"''", b"'", b'"\\udc80"', b"!!python/object:os.system x", b"\xef\xbb\xbf", b"%YAML 3\n"),
]


def places(tree: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The place of every value in a tree."""
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
        yield (*at, key)
        if isinstance(value, dict | list):
            yield from places(value, (*at, key))


def changed(tree: Any, draw: random.Random) -> str:
    """JSON of a tree with another value at one place."""
    copy = json.loads(json.dumps(tree))
    *parents, last = draw.choice(list(places(tree)))
    inner = copy
    for key in parents:
        inner = inner[key]
    inner[last] = draw.choice(WEIRD)
    return json.dumps(copy)


Kind = Callable[[], Callable[[], object]]
"""Makes one bad input; returns what reads it."""


def anywhere(data: bytes, draw: random.Random) -> bytes:
    """A file with other bytes at one place."""
    if data[:1] in b"{[" and draw.random() < 0.5:
        return changed(json.loads(data), draw).encode()
    at, other = draw.randrange(len(data)), draw.choice([*BYTES, b"nan", b"-1", b"1e400"])
    return data[:at] + other + data[at + draw.randrange(9) :]


def labels() -> dict[str, dict[str, str]]:
    """Files of labels by layout and name, of four pictures p0.png to p3.png with 68 points."""
    points = np.random.default_rng(0).uniform(20, 90, (4, 68, 2)).tolist()
    names = [f"p{number}.png" for number in range(4)]
    rows = ["\n".join(f"{x:.3f} {y:.3f}" for x, y in face) for face in points]
    pts = {f"p{i}.pts": f"n_points: 68\n{{\n{text}\n}}\n" for i, text in enumerate(rows)}
    shares = [" ".join(f"{x / 112:.5f} {y / 112:.5f}" for x, y in face) for face in points]
    lists = "".join(f"{n} {s} 0 0 0 0 0 0 1 2 3\n" for n, s in zip(names, shares, strict=True))
    boxes = [
        f"<image file='{n}'><box top='1' left='1' width='9' height='9'>"
        + "".join(
            f"<part name='{i:02d}' x='{x:.0f}' y='{y:.0f}'/>" for i, (x, y) in enumerate(face)
        )
        + "</box></image>"
        for n, face in zip(names, points, strict=True)
    ]
    keypoints = [[v for x, y in face for v in (x, y, 2)] for face in points]
    coco = {
        "images": [{"id": i, "file_name": n} for i, n in enumerate(names)],
        "annotations": [{"image_id": i, "keypoints": k} for i, k in enumerate(keypoints)],
    }
    shapes = [[{"label": str(i), "points": [p]} for i, p in enumerate(face)] for face in points]
    labelme = {
        f"p{i}.json": json.dumps({"imagePath": names[i], "shapes": s}) for i, s in enumerate(shapes)
    }
    dlib = f"<dataset><images>{''.join(boxes)}</images></dataset>"
    return {
        "ibug": pts,
        "nni": {"train_data/list.txt": lists, "test_data/list.txt": lists},
        "dlib": {"labels.xml": dlib},
        "coco": {"labels.json": json.dumps(coco)},
        "labelme": labelme,
    }


def of_labels(folder: Path, draw: random.Random) -> dict[str, Kind]:
    """Kinds of bad input around faces: labels by layout, a stored face set, a file of boxes."""
    sets = {}
    for layout, files in labels().items():
        root = folder / layout
        for at, place in enumerate(sorted({str(Path(file).parent) for file in files})):
            (root / place).mkdir(parents=True, exist_ok=True)
            for number in range(4):
                noise = np.random.default_rng([at, number]).integers(0, 255, (112, 112, 3))
                cv2.imwrite(str(root / place / f"p{number}.png"), noise.astype(np.uint8))
        for file, text in files.items():
            (root / file).write_text(text)
        sets[layout] = (root, files)

    def read(root: Path, unseen: str) -> None:
        params = FetchParams(root=str(root), size=32, margin=0, on_bad="skip", unseen=unseen)
        with contextlib.redirect_stdout(io.StringIO()):
            prepare(params, folder / "faces")

    def of_layout(root: Path, files: dict[str, str]) -> Kind:
        def kind() -> Callable[[], object]:
            for name, text in files.items():
                (root / name).write_text(text)
            name = draw.choice([*files])
            (root / name).write_bytes(anywhere(files[name].encode(), draw))
            return lambda: read(root, draw.choice(["mask", "keep"]))

        return kind

    def boxes() -> Callable[[], object]:
        row = {"picture": "p0.png", "x": 1, "y": 2, "w": 30, "h": 40}
        table = f"{','.join(row)}\n{','.join(map(str, row.values()))}\n"
        text = draw.choice([table, json.dumps([row])])
        file = folder / f"boxes{'.json' if text.startswith('[') else '.csv'}"
        file.write_bytes(anywhere(text.encode(), draw))
        return lambda: read_boxes(file)

    with contextlib.redirect_stdout(io.StringIO()):
        prepare(FetchParams(root=str(sets["ibug"][0]), size=32, margin=0), folder / "stored")
    stored = (folder / "stored/meta.json").read_bytes()

    def face_set() -> Callable[[], object]:
        (folder / "stored/meta.json").write_bytes(anywhere(stored, draw))
        return lambda: FaceSet.load(folder / "stored")

    kinds = {f"labels, {name}": of_layout(*each) for name, each in sets.items()}
    return kinds | {"boxes": boxes, "face sets": face_set}


def of_kit(folder: Path, draw: random.Random) -> Kind:
    """A kit of a small space: its manifest or what came back from the device, changed."""
    stage = StageParams(ops=("mb_k3_res", "sep_k3"), layer_num=2, channels=16, stride=2)
    kit = folder / "kit"
    write_kit(kit, Contents.of(SpaceParams(stages=(stage,)), 68, 32, checks=2, seed=0), ["mnn"])
    times = {
        name: 1.0 if name.startswith("base") else (len(key) if name.startswith("net") else 0) + 1.5
        for name, key in read_contents(kit)[0].keys().items()
    }
    rows = [f"{name},9,{ms},{ms},{ms},0,0,mnn" for name, ms in times.items()]
    heading = "name,n,min,median,mean,std,ci,engine"
    printed = (f"# model {n}\nAverage inference time cost: {ms} ms\n" for n, ms in times.items())
    files = {
        kit / CONTENTS_FILE: (kit / CONTENTS_FILE).read_bytes(),
        folder / "back.csv": "\n".join([heading, *rows, ""]).encode(),
        folder / "back.txt": "".join(printed).encode(),
    }

    def kind() -> Callable[[], object]:
        for path, data in files.items():
            path.write_bytes(data)
        path = draw.choice([*files])
        path.write_bytes(anywhere(files[path], draw))
        return lambda: table_of(path if path.parent == folder else folder / "back.csv", kit)

    return kind


def of_results(source: Path, copy: Path, draw: random.Random) -> Kind:
    """A file of results changed; read as the table, the report and the model's card do."""
    shutil.copytree(source, copy, ignore=shutil.ignore_patterns("*.png", "variants"))
    results, before = Results(copy), dict[Path, bytes]()
    listed = ("unused.csv", "suspicious.csv", "duplicates.csv")
    files = [p for p in sorted(copy.rglob("*.*")) if p.suffix in (".json", ".csv")]
    files = [path for path in files if path.name not in listed]

    def read() -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            print_table(results)
            report(results, faces=0, worst=0)
            model_card(Params(), results)

    def kind() -> Callable[[], object]:
        for path, data in before.items():
            path.write_bytes(data)
        path = draw.choice(files)
        before[path] = path.read_bytes()
        path.write_bytes(anywhere(before[path], draw))
        return read

    return kind


def outcome(work: Callable[[], object]) -> str:
    """What becomes of an input."""

    def late(*_: object) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, late)
    signal.alarm(LONGEST_S)
    try:
        work()
    except BadInput as error:
        return "refused in one line" if "\n" not in str(error) else "several lines"
    except TimeoutError:
        return "hang"
    except BaseException as error:
        return f"traceback ({type(error).__name__})"
    finally:
        signal.alarm(0)
    return "worked"


def main() -> int:
    """Print the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=150)
    parser.add_argument("--results", type=Path, metavar="FOLDER", help="results of a run")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    each, draw = given.each, random.Random(given.seed)
    params = json.loads(Params().model_dump_json())
    text, table = render({}).encode(), macs_table(NNI_SPACE, 106)
    card = describe(
        size=112, scheme=SCHEMES[106], crop_scale=1.2, choice=["sep_k3"], commit="a", nme=0.1
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "file"

        def of_text(data: bytes, read: Callable[[Path], object]) -> Callable[[], object]:
            file.write_bytes(data)
            return lambda: read(file)

        def values() -> Callable[[], object]:
            return of_text(changed(params, draw).encode(), load)

        def bytes_() -> Callable[[], object]:
            at = draw.randrange(len(text))
            return of_text(text[:at] + draw.choice(BYTES) + text[at + draw.randrange(40) :], load)

        def tables() -> Callable[[], object]:
            return of_text(changed(table, draw).encode(), lambda path: from_json(path, NNI_SPACE))

        def metadata() -> Callable[[], object]:
            key, value = draw.choice([*card]), draw.choice(WEIRD)
            stated = card | {key: value if isinstance(value, str) else json.dumps(value)}
            return lambda: OURS.filled(stated)

        bad = 0
        kinds = {"params, values": values, "params, bytes": bytes_, "tables": tables}
        kinds |= {"ONNX metadata": metadata, **of_labels(Path(folder), draw)}
        kinds["kits"] = of_kit(Path(folder), draw)
        if given.results:
            kinds["results"] = of_results(given.results, Path(folder) / "results", draw)
        for name, kind in kinds.items():
            counts = Counter(outcome(kind()) for _ in range(each))
            bad += sum(n for what, n in counts.items() if what[:4] in ("hang", "trac", "seve"))
            print(f"{name}: {dict(counts.most_common())}", flush=True)
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
