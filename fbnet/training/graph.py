"""A function of tensors as a CUDA graph: launched as one, where its kernels wait for launches.

The nets are small: on a GPU their kernels take less time than it takes to launch them one by one.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from fbnet.progress import say

Outputs = Tensor | tuple[Tensor, ...]
WARM_UP = 3
"""Runs before a capture: libraries set themselves up, optimisers and caches make their tensors."""


class Graphed:
    """Calls `body`; on a CUDA device from a graph of it, one for each shape of its inputs.

    body: takes tensors, and numbers that stay the same for a shape; returns a tensor or a tuple of
    tensors. It must not read a tensor's value on the host, and must reach what else it uses, such
    as weights, at the same addresses in every call. It must be the same on any device: elsewhere it
    is simply called.
    written: gives the tensors that `body` changes. The warm-up runs are undone by them; those that
    the runs have made themselves, as an optimiser does its moments, are filled with zeros.
    generators: from which `body` draws; a graph continues each where it stands.
    enabled: whether to capture; `device` must be a CUDA one too. Where a capture is refused, that
    is printed once and `body` is called from then on.
    """

    def __init__(
        self,
        name: str,
        body: Callable[..., Any],
        device: torch.device,
        *,
        written: Callable[[], Iterable[Tensor]] = tuple,
        generators: Sequence[torch.Generator] = (),
        enabled: bool = True,
    ) -> None:
        self.name, self.body, self.device = name, body, device
        self.written, self.generators = written, generators
        self.enabled = enabled and device.type == "cuda"
        self._graphs: dict[tuple[Any, ...], tuple[tuple[Any, ...], Callable[[], Any], Any]] = {}

    def __call__(self, *inputs: Any) -> Any:
        """What `body` returns for `inputs`, tensors of any device and numbers."""
        if not self.enabled:
            return self.body(*inputs)
        key = tuple(tuple(x.shape) if isinstance(x, Tensor) else x for x in inputs)
        if key not in self._graphs:
            try:
                self._graphs[key] = self._captured(inputs)
            except RuntimeError as error:
                self.enabled = False
                reason = str(error).partition("\n")[0]
                say(f"{self.name}: no CUDA graph ({reason}); kernels are launched one by one")
                return self.body(*inputs)
        kept, replay, outputs = self._graphs[key]
        for old, new in zip(kept, inputs, strict=True):
            if isinstance(old, Tensor):
                old.copy_(new, non_blocking=True)
        replay()
        # The next replay overwrites the outputs.
        return _each(outputs, torch.clone)

    def forget(self) -> None:
        """Drop the graphs: tensors that they know by their address have been replaced."""
        self._graphs.clear()

    def _captured(self, inputs: tuple[Any, ...]) -> tuple[tuple[Any, ...], Callable[[], Any], Any]:
        """Inputs at fixed addresses, the replay of a graph that reads them, and its outputs."""
        kept = tuple(
            x.detach().to(self.device, copy=True) if isinstance(x, Tensor) else x for x in inputs
        )
        before = [(tensor, tensor.detach().clone()) for tensor in self.written()]
        drawn = [generator.get_state() for generator in self.generators]
        try:
            warm_up(lambda: self.body(*kept), self.device)
            self._undo(before)
            return kept, *capture(lambda: self.body(*kept), self.generators)
        finally:
            self._undo(before)
            for generator, state in zip(self.generators, drawn, strict=True):
                generator.set_state(state)

    @torch.no_grad()
    def _undo(self, before: Sequence[tuple[Tensor, Tensor]]) -> None:
        known = {id(tensor) for tensor, _ in before}
        for tensor, value in before:
            tensor.copy_(value)
        for tensor in self.written():
            if id(tensor) not in known:
                tensor.zero_()


def warm_up(body: Callable[[], Any], device: torch.device) -> None:
    """Run `body` a few times in a stream of its own, as a capture does."""
    stream = torch.cuda.Stream(device)
    stream.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(stream):
        for _ in range(WARM_UP):
            body()
    torch.cuda.current_stream(device).wait_stream(stream)


def capture(
    body: Callable[[], Any], generators: Sequence[torch.Generator]
) -> tuple[Callable[[], Any], Any]:
    """The replay of a CUDA graph of `body`, and the tensors that hold its outputs after it."""
    graph = torch.cuda.CUDAGraph()
    for generator in generators:
        graph.register_generator_state(generator)
    # By default a call of another thread, as NCCL's watchdog makes them, would break the capture.
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        outputs = body()
    return graph.replay, outputs


def _each(outputs: Outputs, function: Callable[[Tensor], Tensor]) -> Outputs:
    if isinstance(outputs, Tensor):
        return function(outputs)
    return tuple(function(tensor) for tensor in outputs)
