"""The chosen net layer by layer, and what every block would have cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fbnet.files import read_json


@dataclass(frozen=True)
class Layer:
    """A part of the net. Costs that a table does not hold are None."""

    name: str
    block: str
    shape: str
    """Channels and side of its output, or what it gives."""
    macs: float
    params: float
    ms: float
    share: float = 0.0
    """Of the costliest part's time, 0 to 1: the length of its bar."""


@dataclass(frozen=True)
class CostMap:
    """Blocks by layers. A cell is (text, heat 0..1, chosen or not), None where not offered."""

    title: str
    layers: int
    rows: list[tuple[str, list[tuple[str, float, bool] | None]]]


def layers(results: Path) -> list[Layer]:
    """The fixed parts and the searchable layers of the trained net, with their costs."""
    choice, macs, ms = _read(results)
    found = [
        Layer(
            f"layer {i}",
            block,
            _shape(at),
            at["blocks"][block]["macs"],
            at["blocks"][block]["params"],
            timed["blocks"][block]["median"],
        )
        for i, (block, at, timed) in enumerate(
            zip(choice, macs["layers"], ms["layers"], strict=True)
        )
    ]
    fixed = macs["fixed"]
    rest = Layer(
        "fixed",
        "stem, first block and head",
        f"{macs['points']} points",
        fixed["macs"],
        fixed["params"],
        ms["fixed"]["median"],
    )
    return _shared([*found, rest])


def _shared(parts: Sequence[Layer]) -> list[Layer]:
    most = max(part.ms for part in parts)
    return [Layer(**{**vars(part), "share": part.ms / most if most else 0.0}) for part in parts]


def _shape(at: Mapping[str, Any]) -> str:
    side = -(-at["size"] // at["stride"])
    return f"{at['c_out']} at {side} x {side}"


def cost_maps(results: Path) -> list[CostMap]:
    """Both cost tables, the chosen blocks marked."""
    choice, macs, ms = _read(results)
    engine = ms.get("engine", "device")
    return [
        _cost_map(f"microseconds ({engine})", choice, _costs(ms, "median", 1e3)),
        _cost_map("thousand MACs", choice, _costs(macs, "macs", 1e-3)),
    ]


def _costs(table: Any, key: str, scale: float) -> list[dict[str, float]]:
    return [
        {name: entry[key] * scale for name, entry in layer["blocks"].items()}
        for layer in table["layers"]
    ]


def _cost_map(title: str, choice: Sequence[str], costs: list[dict[str, float]]) -> CostMap:
    most = max(value for layer in costs for value in layer.values())
    blocks = dict.fromkeys(block for layer in costs for block in layer)
    rows = [
        (
            block,
            [
                (_short(at[block]), round(at[block] / most, 3), block == chosen)
                if block in at
                else None
                for at, chosen in zip(costs, choice, strict=True)
            ],
        )
        for block in blocks
    ]
    return CostMap(title, len(costs), rows)


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _read(results: Path) -> tuple[list[str], Any, Any]:
    choice = read_json(results / "retrain/architecture.json")["choice"]
    return choice, read_json(results / "lut/macs.json"), read_json(results / "lut/latency.json")
