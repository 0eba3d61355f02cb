"""Weights as safetensors: nothing is executed when they are read."""

from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import load as load_bytes
from safetensors.torch import save as save_bytes
from torch import Tensor, nn

from fbnet.errors import BadInput
from fbnet.files import write_bytes


def save_weights(path: Path, weights: Mapping[str, Tensor]) -> None:
    """Write tensors by name, atomically; equal tensors give equal bytes."""
    write_bytes(path, save_bytes({name: tensor.contiguous() for name, tensor in weights.items()}))


def snapshot(module: nn.Module) -> dict[str, Tensor]:
    """A copy of the module's weights and statistics on the CPU, by name."""
    return {name: value.detach().cpu().clone() for name, value in module.state_dict().items()}


def load_weights(path: Path) -> dict[str, Tensor]:
    """Read tensors by name. Raises BadInput on a missing or broken file."""
    try:
        return load_bytes(path.read_bytes())
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file; run the stage that writes it") from None
    except Exception as error:
        raise BadInput(f"{path}: not a safetensors file ({error})") from None
