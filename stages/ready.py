"""What a whole run needs beside its params, looked at before the first stage."""

import os
from pathlib import Path

from fbnet.engines import ENGINES, variants
from fbnet.errors import BadInput
from stages.params import Params


def require_ready(params: Params) -> None:
    """Raise BadInput for what a later stage would refuse.

    That is an engine that is not installed or of another system, and a device's table that does not
    fit the space.
    """
    engines = {"lut.engine": [params.lut.engine] if params.lut.source == "measure" else []}
    engines["export.variants"] = [variants()[name].engine.name for name in params.export.variants]
    for key, names in engines.items():
        for name in names:
            try:
                ENGINES[name].version()
                if key == "lut.engine":
                    ENGINES[name].require_here()
            except BadInput as error:
                raise BadInput(f"{key}: {error}") from None
    if params.lut.source == "file":
        _require_table(params)


def _require_table(params: Params) -> None:
    from fbnet.costs.device_lut import device_table

    rendered = os.path.exists(Path(params.fetch.root) / "head.npz")
    points = params.fetch.synthetic.points if rendered else None
    device_table(params.search_space, points, params.lut, params.fetch.size)
