"""ExecuTorch (PyTorch): the operators that XNNPACK has run there, in fp32."""

from typing import Any

import numpy as np

from fbnet.engines.base import (
    ConversionError,
    Model,
    Session,
    cannot_open,
    converter_file,
    first_line,
    fixed_batch,
    input_shape,
    output_names,
    output_place,
    quiet,
)

NAMES = "output_names"
"""The method that gives the names of several outputs, in the order of `forward`'s."""


def convert(data: bytes, precision: str, calibration: np.ndarray | None) -> Model:
    """An ONNX net as {".pte": bytes}; an open batch size becomes 1.

    A program has no names of outputs: where there are several, its method `output_names` has.
    """
    converter_file("executorch", "executorch.exir")
    import torch

    from fbnet.engines.torch_net import torch_net

    with quiet():  # one thread at a time: torch.export keeps its state in the module
        from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
        from executorch.exir import to_edge_transform_and_lower

        fixed = fixed_batch(data, 1)
        net, example = torch_net(fixed), torch.zeros(input_shape(fixed))
        names = output_names(fixed)
        try:
            program = torch.export.export(net, (example,))
            edge = to_edge_transform_and_lower(
                program,
                partitioner=[XnnpackPartitioner()],
                constant_methods={NAMES: names} if len(names) > 1 else None,
            )
            return {".pte": bytes(edge.to_executorch().buffer)}
        except RuntimeError as error:
            raise ConversionError(f"executorch cannot convert: {first_line(error)}") from None


def open_session(runtime: Any, model: Model, threads: int, output: str = "") -> Session:
    """Load a model.

    All models of a process share one pool of threads, and loading one with another number of
    `threads` ends the pool: those that were loaded before must not run again.
    """
    import torch
    from executorch.extension.pybindings import portable_lib

    data = model[".pte"]
    with quiet():
        # Before the model is loaded, since it keeps the pool's address.
        if portable_lib._threadpool_get_thread_count() != threads:
            portable_lib._unsafe_reset_threadpool(threads)
        try:
            program = runtime.Runtime.get().load_program(data)
            method = program.load_method("forward")
            several = NAMES in program.method_names
            names = program.load_method(NAMES).execute([]) if several else []
        except Exception as error:  # RuntimeError, or ValueError
            raise cannot_open("executorch", first_line(error)) from None

    place = output_place("executorch", output, names or [output])  # one output has no name

    def run(x: np.ndarray) -> np.ndarray:
        outputs = method.execute([torch.from_numpy(np.ascontiguousarray(x))])
        return np.array(outputs[place].numpy())

    run.kept = data, program  # type: ignore[attr-defined]  # the method reads their memory
    return run
