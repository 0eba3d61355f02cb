"""What a whole run needs beside its params, looked at before the first stage."""

from collections.abc import Callable
from pathlib import Path

from fbnet.engines import ENGINES, Engine, variants
from fbnet.errors import BadInput
from stages.params import Params, ReportParams, renders


def require_ready(params: Params) -> None:
    """Raise BadInput for what the run would refuse later, or leave out of what was asked for.

    That is a data set that is not there, an engine or a converter that is not installed, an engine
    of another system that is to measure, a device's table that does not fit the space, and other
    nets or faces for heads that are not there.
    """
    if not Path(params.fetch.root).exists():
        raise BadInput(
            f"fetch.root {params.fetch.root}: no such folder; name the folder of your faces, or "
            "bring it here with `dvc pull` where DVC keeps it"
        )
    if params.lut.source == "measure":
        measuring = ENGINES[params.lut.engine]
        _require("lut.engine", measuring, measuring.require_here)
    for name in params.export.variants:
        _require("export.variants", variants()[name].engine)
    if params.lut.source == "file":
        _require_table(params)
    if not Path(params.report.baselines).is_file():
        raise BadInput(
            f"report.baselines {params.report.baselines}: no such file; name a table of other "
            f"nets, such as {ReportParams().baselines}"
        )
    if (faces := params.retrain.heads_faces) and not (Path(faces) / "meta.json").is_file():
        raise BadInput(
            f"retrain.heads_faces {faces}: no prepared faces there (meta.json is missing); name "
            "results/fetch/faces of another project"
        )


def _require(key: str, engine: Engine, also: Callable[[], object] = lambda: None) -> None:
    try:
        engine.version()
        if engine.converter:
            engine.converter_program()
        also()
    except BadInput as error:
        raise BadInput(f"{key}: {error}") from None


def _require_table(params: Params) -> None:
    from fbnet.costs.device_lut import device_table

    points: int | None = None
    if renders(params):
        own = params.fetch.scheme
        points = own.points if own else params.fetch.synthetic.points
    device_table(params.search_space, points, params.lut, params.fetch.size)
