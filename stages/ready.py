"""What a whole run needs beside its params, looked at before the first stage."""

from collections.abc import Callable
from pathlib import Path

from fbnet.engines import ENGINES, Engine, variants
from fbnet.errors import BadInput
from fbnet.faces.readers.walk import BROKEN_LINK, NO_FILE, NOT_PLAIN, walk
from stages.params import Params, ReportParams, renders
from stages.records import other_nets


def require_ready(params: Params) -> None:
    """Raise BadInput for what the run would refuse later, or leave out of what was asked for.

    That is a data set that is not there, an engine or a converter that is not installed, an engine
    of another system that is to measure, a device's table that does not fit the space, a budget
    below it, an accelerator that is not there, and other nets or faces for heads that are not.
    """
    if not Path(params.fetch.root).exists():
        raise BadInput(
            f"fetch.root {params.fetch.root}: no such folder; name the folder of your faces, or "
            "bring it here with `dvc pull` where DVC keeps it"
        )
    _require_readable(Path(params.fetch.root))
    if params.lut.source == "measure":
        measuring = ENGINES[params.lut.engine]
        _require("lut.engine", measuring, measuring.require_here)
    for name in params.export.variants:
        _require("export.variants", variants()[name].engine)
    if params.lut.source == "file":
        _require_table(params)
    if params.search.cost == "macs":
        _require_macs(params)
    if params.train.accelerator != "cpu":
        from fbnet.training.device import require_devices

        require_devices(params.train)
    if not Path(params.report.baselines).is_file():
        raise BadInput(
            f"report.baselines {params.report.baselines}: no such file; name a table of other "
            f"nets, such as {ReportParams().baselines}"
        )
    other_nets(Path(params.report.baselines))
    if (faces := params.retrain.heads_faces) and not (Path(faces) / "meta.json").is_file():
        raise BadInput(
            f"retrain.heads_faces {faces}: no prepared faces there (meta.json is missing); name "
            "results/fetch/faces of another project"
        )


def _require_readable(root: Path) -> None:
    """Raise BadInput for the first entry of the folder whose checksum DVC cannot compute."""
    for name, reason in walk(root):
        if reason in (BROKEN_LINK, NO_FILE, NOT_PLAIN):
            remedy = "" if reason == NOT_PLAIN else "; remove it"
            raise BadInput(
                f"{root / name}: {reason}{remedy} (DVC reads all files of fetch.root, used or not)"
            )


def _require(key: str, engine: Engine, also: Callable[[], object] = lambda: None) -> None:
    try:
        engine.version()
        if engine.converter:
            engine.converter_program()
        also()
    except BadInput as error:
        raise BadInput(f"{key}: {error}") from None


def _points(params: Params) -> int | None:
    """Points of the faces, where they are known before these are read."""
    if own := params.fetch.scheme:
        return own.points
    return params.fetch.synthetic.points if renders(params) else None


def _require_table(params: Params) -> None:
    from fbnet.costs.device_lut import device_table
    from fbnet.costs.lut import from_table
    from fbnet.search.cost import budget, check_cost_form

    space, search = params.search_space, params.search
    table = device_table(space, _points(params), params.lut, params.fetch.size)
    if search.cost == "latency":
        lut = from_table(table, space, params.lut.file)
        check_cost_form(lut, search)
        budget(lut, search)


def _require_macs(params: Params) -> None:
    """Raise BadInput where no net of the space is within `search.target_macs`."""
    from fbnet.costs.lut import from_table
    from fbnet.costs.macs import macs_table
    from fbnet.search.cost import budget

    space, points = params.search_space, _points(params)
    if points and params.search.mode == "target":
        table = macs_table(space, points, params.fetch.size)
        budget(from_table(table, space, "the space"), params.search)
