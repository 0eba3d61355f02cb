"""Counts what becomes of bad inputs: `python tools/bad_inputs.py [--each 150]`.

Each of params (other values, other bytes), cost tables and ONNX metadata is changed at one place,
drawn from a seed, and read. Prints how many worked, were refused in one line, or were no better
than a traceback or a hang (10 s). Exit code 1 where there is one of these.
"""

import argparse
import json
import random
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from fbnet.costs.lut import from_json
from fbnet.costs.macs import macs_table
from fbnet.errors import BadInput
from fbnet.landmarks import SCHEMES
from fbnet.params import NNI_SPACE
from fbnet.predict.interface import OURS, describe
from stages.params import Params, load, render

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
    each, draw = parser.parse_args().each, random.Random(0)
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
        kinds = {"params, values": values, "params, bytes": bytes_}
        for name, kind in {**kinds, "tables": tables, "ONNX metadata": metadata}.items():
            counts = Counter(outcome(kind()) for _ in range(each))
            bad += sum(n for what, n in counts.items() if what[:4] in ("hang", "trac", "seve"))
            print(f"{name}: {dict(counts.most_common())}", flush=True)
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
