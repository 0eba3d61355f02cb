"""Commands on models: what they find, how well, and their weights taken over."""

import json
from argparse import ArgumentParser, Namespace, _ActionsContainer
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

from fbnet.errors import NO_FACE, BadInput, stop_on_signals
from fbnet.predict.interface import Interface
from stages.commands import Command
from stages.results import read_architecture

PREDICT_OPTIONS = (
    "box", "boxes", "camera", "crop_scale", "crops", "csv", "detector", "fps", "frames", "pts",
    "still",
)  # fmt: skip
"""Arguments of `predict` that are fields of `fbnet.predict.run.Options`."""


def score(parser: ArgumentParser) -> Command:
    """Accuracy of an ONNX landmark model on faces."""
    parser.add_argument("model", help="ONNX file: ours, or any whose input and output you declare")
    parser.add_argument("faces", help="data set in any layout, or the faces of the fetch stage")
    parser.add_argument("--all", action="store_true", help="all faces, not the test part alone")
    parser.add_argument("--json", metavar="FILE", help="write the figures there too")
    declared = _interface(parser)

    def run(arguments: Namespace) -> None:
        from fbnet.files import write_json
        from fbnet.predict.score import score_folder

        files = Path(arguments.model), Path(arguments.faces)
        if arguments.json and Path(arguments.json).resolve() in (p.resolve() for p in files):
            raise BadInput(f"--json {arguments.json}: is what is scored; name another file")
        figures = score_folder(
            *files, declared(arguments), arguments.crop_scale, everything=arguments.all
        )
        for name, value in figures.items():
            print(f"{name:24} {value:.4g}")
        if arguments.json:
            write_json(arguments.json, figures)

    return run


def predict(parser: ArgumentParser) -> Command:
    """Find faces in pictures, videos and cameras, and write and draw their landmarks."""
    parser.add_argument(
        "paths", nargs="*", type=Path,
        help="pictures, videos, folders of them; - for raw BGR frames on the standard input",
    )  # fmt: skip
    parser.add_argument("--camera", type=int, metavar="N", help="look at a camera, until Ctrl-C")
    parser.add_argument("--out", type=Path, default="predictions", help="folder (%(default)s)")
    parser.add_argument("--csv", action="store_true", help="write landmarks.csv too")
    parser.add_argument("--pts", action="store_true", help="write a .pts for each face too")
    parser.add_argument("--no-drawing", action="store_true", help="write no pictures and videos")

    where = parser.add_argument_group("where the faces are, instead of looking for them")
    where.add_argument(
        "--box", nargs=4, type=float, metavar=("X", "Y", "W", "H"),
        help="around the landmarks, in pixels, in all files",
    )  # fmt: skip
    where.add_argument("--boxes", type=Path, metavar="FILE", help="CSV or JSON: picture,x,y,w,h")
    where.add_argument("--crops", action="store_true", help="each picture is a face's crop")
    where.add_argument("--still", action="store_true", help="in all frames, without following")
    where.add_argument("--detector", default="mtcnn", help="mtcnn, yunet (%(default)s)")

    streams = parser.add_argument_group("videos and cameras")
    streams.add_argument("--raw", action="store_true", help="without the One-Euro filter")
    streams.add_argument("--min-cutoff", type=float, metavar="HZ", help="of a point at rest (0.1)")
    streams.add_argument("--beta", type=float, metavar="HZ", help="more by face side a second (10)")
    streams.add_argument("--frames", action="store_true", help="a folder holds a video's frames")
    streams.add_argument(
        "--size", nargs=2, type=int, metavar=("W", "H"), help="of frames on the standard input"
    )
    streams.add_argument("--fps", type=float, help="frames per second, if not as the video says")
    streams.add_argument("--max-frames", type=int, metavar="N", help="end after N frames")

    nets = parser.add_argument_group("the model")
    which = nets.add_mutually_exclusive_group()
    which.add_argument("--model", type=Path, help="ONNX file (default: one that is shipped)")
    which.add_argument(
        "--points", type=int, choices=(106, 68), default=106,
        help="of the shipped model: 106 as NNI has them, 68 as 300W (%(default)s)",
    )  # fmt: skip
    which.add_argument(
        "--heads", action="store_true",
        help="the shipped model of 106 points with pose, confidence, visibility and openness",
    )  # fmt: skip
    declared = _interface(nets)

    def run(arguments: Namespace) -> int | None:
        stop_on_signals()
        from fbnet.predict.landmarker import SHIPPED, WITH_HEADS
        from fbnet.predict.run import Options, predict
        from fbnet.predict.track import OneEuro

        given = {"min_cutoff": arguments.min_cutoff, "beta": arguments.beta}
        smoothing = OneEuro(**{name: value for name, value in given.items() if value is not None})
        shipped = WITH_HEADS if arguments.heads else SHIPPED[arguments.points]
        options = Options(
            model=arguments.model or shipped,
            interface=declared(arguments),
            smoothing=None if arguments.raw else smoothing,
            drawn=not arguments.no_drawing,
            size=tuple(arguments.size) if arguments.size else None,
            most_frames=arguments.max_frames,
            **{name: getattr(arguments, name) for name in PREDICT_OPTIONS},
        )
        result = predict(arguments.paths, arguments.out, options)
        count = len(result.pictures) + len(result.videos)
        missing = f"; no face in {len(result.nothing_found)}" if result.nothing_found else ""
        print(f"{arguments.out / 'landmarks.json'}: {result.faces} faces in {count} files{missing}")
        return None if result.faces else NO_FACE

    return run


def convert(parser: ArgumentParser) -> Command:
    """Turn a trained net into what `retrain` starts from: a run's subnet, or NNI's checkpoint."""
    parser.add_argument(
        "net", type=Path,
        help="subnet.safetensors of a run, architecture.json beside it; or checkpoint_best.pth of "
        "NNI's PFLD example, of a supernet or subnet",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, default="converted", help="folder (%(default)s)")
    parser.add_argument("--choice", nargs="+", metavar="BLOCK", default=(), help="one for a layer")
    parser.add_argument(
        "--points", type=int, metavar="N", help="of the new net: 68 of a run's 98 or 106"
    )
    parser.add_argument(
        "--supernet", type=Path, metavar="FILE", help="the one NNI's subnet was sampled from"
    )
    parser.add_argument("--params", help="file whose space the net is of (default: NNI's space)")

    def run(arguments: Namespace) -> None:
        from fbnet.export import nni
        from fbnet.params import NNI_SPACE
        from fbnet.search import transfer
        from stages.params import load

        net, space, name = arguments.net, NNI_SPACE, "nni"
        if arguments.params:
            params = load(arguments.params)
            space, name = params.search_space, params.space
        if net.suffix == ".safetensors":
            if arguments.supernet:
                raise BadInput("--supernet: goes with NNI's checkpoint of a subnet")
            record = net.with_name(net.name.replace("subnet", "architecture")).with_suffix(".json")
            architecture = read_architecture(record) | {"space": name}
            named = {"choice": arguments.choice, "points": arguments.points}
            paths = transfer.convert(net, space, architecture, arguments.out, **named)
        else:
            if arguments.points is not None:
                raise BadInput("--points: goes with subnet.safetensors of a run")
            named = {"choice": arguments.choice, "supernet": arguments.supernet}
            paths = nni.convert(net, space, name, arguments.out, **named)
        for path in paths:
            print(path)

    return run


def _interface(parser: _ActionsContainer) -> Callable[[Namespace], Interface]:
    """Add the options for models of another origin; returns what reads them."""
    parser.add_argument(
        "--crop-scale", type=float, metavar="X", help="crop's side in landmark boxes"
    )
    for option in fields(Interface):
        parser.add_argument(f"--{option.name}", **option.metadata)

    def declared(arguments: Namespace) -> Interface:
        given = {option.name: getattr(arguments, option.name) for option in fields(Interface)}
        if (path := given["scheme"]) and path.endswith((".yaml", ".yml")):
            from stages.params import read_yaml

            fetch = read_yaml(Path(path)).get("fetch")
            if not isinstance(fetch, dict) or not (scheme := fetch.get("scheme")):
                raise BadInput(f"{path}: has no fetch.scheme; describe the points there")
            given["scheme"] = json.dumps(scheme)
        return Interface(**given)

    return declared
