"""The inference engines: a table of what each is, which needs none of them installed.

Params, commands, kits, the export's variants and the latency metrics follow this table. To add an
engine, write its file (`fbnet.engines.base.Implementation`) and its entry here; a program of your
own adds one by `ENGINES.register(name, Engine(...))`. All run on the CPU.
"""

from fbnet.engines.base import (
    FULL,
    SYSTEMS,
    BenchmarkProgram,
    CannotOpen,
    ConversionError,
    Engine,
    Model,
    NotInstalled,
    Session,
    Variant,
    fixed_batch,
    input_shape,
)
from fbnet.registry import Registry

__all__ = [
    "ENGINES",
    "EXPORTED",
    "FULL",
    "SYSTEMS",
    "BenchmarkProgram",
    "CannotOpen",
    "ConversionError",
    "Engine",
    "Model",
    "NotInstalled",
    "Session",
    "Variant",
    "fixed_batch",
    "input_shape",
    "variants",
]

NUMBER = r"([-+\d.eE]+|nan|inf|-nan|-inf)"
"""A latency as programs print it; wrong ones are read too, so that they can be named."""

ENGINES: Registry[Engine] = Registry(
    "engine",
    {
        "onnxruntime": Engine(
            name="onnxruntime",
            distribution="onnxruntime",
            module="onnxruntime",
            implementation="fbnet.engines.onnxruntime",
            suffixes=(".onnx",),
            precisions={
                FULL: "weights and arithmetic",
                "int8": "weights and activations (static, integer operators)",
                "int8_qdq": "the same in QDQ form, which other tools read",
            },
            programs=(
                BenchmarkProgram(
                    name="onnxruntime_perf_test",
                    command='"$program" -I -s -m times -r "$loops" -x "$threads" -y 1 '
                    '"$models/$name.onnx"',
                    # The median where it was run with -s, else the average; up to 2019 without
                    # "inference".
                    latencies={
                        rf"^P50 Latency(?: is|:) {NUMBER} s(?:ec)?\s*$": 1e3,
                        rf"^Average (?:inference )?time cost(?: total)?: *{NUMBER} ms": 1.0,
                    },
                ),
                BenchmarkProgram(
                    name="trtexec",
                    command='"$program" --onnx="$models/$name.onnx" --iterations="$loops" '
                    "--duration=0 --warmUp=200 --noTF32",
                    # Up to TensorRT 7 each figure has a line of its own; the GPU's time alone, in
                    # the same form further down, has no "end to end".
                    latencies={
                        rf"\[I\] Latency: min = .* median = {NUMBER} ms": 1.0,
                        rf"\[I\] median: {NUMBER} ms \(end to end": 1.0,
                    },
                    times="tensorrt",
                ),
            ),
        ),
        "mnn": Engine(
            name="mnn",
            distribution="MNN",
            module="MNN",
            implementation="fbnet.engines.mnn",
            suffixes=(".mnn",),
            precisions={
                FULL: "weights and arithmetic",
                "fp16": "stored weights; arithmetic in fp32",
                "int8": "stored weights; arithmetic in fp32",
            },
            programs=(
                BenchmarkProgram(
                    name="benchmark.out",
                    # CPU, and precision 1: fp32 also where the processor has fp16.
                    command='"$program" "$models" "$loops" "$warmup" 0 "$threads" 1',
                    latencies={
                        r"^\[ - \]\s+(\S+)\s+max =\s*\S+\s*ms\s+min =\s*\S+\s*ms\s+"
                        rf"avg =\s*{NUMBER}\s*ms": 1.0
                    },
                    names_models=True,
                    runs_folder=True,
                ),
                BenchmarkProgram(
                    name="MNNV2Basic.out",
                    command='"$program" "$models/$name.mnn" "$loops" 0 0 "$threads"',
                    latencies={rf"^Avg=\s*{NUMBER} ms": 1.0},
                ),
            ),
        ),
        "ncnn": Engine(
            name="ncnn",
            distribution="ncnn",
            module="ncnn",
            implementation="fbnet.engines.ncnn",
            suffixes=(".param", ".bin"),
            precisions={
                FULL: "weights and arithmetic",
                "fp16": "stored weights; arithmetic in fp32",
            },
            max_batch=1,
            programs=(
                BenchmarkProgram(
                    name="benchncnn",
                    command='"$program" "$loops" "$threads" 0 -1 0 "param=$models/$name.param" '
                    '"shape=[$width,$height,$channels]"',
                    latencies={
                        rf"^\s*(\S+)\s+min =\s*\S+\s+max =\s*\S+\s+avg =\s*{NUMBER}\s*$": 1.0
                    },
                    names_models=True,
                ),
            ),
        ),
        "openvino": Engine(
            name="openvino",
            distribution="openvino",
            module="openvino",
            implementation="fbnet.engines.openvino",
            suffixes=(".xml", ".bin"),
            precisions={
                FULL: "weights and arithmetic",
                "fp16": "stored weights; arithmetic in fp32",
                "int8": "weights and activations (static)",
            },
            programs=(
                BenchmarkProgram(
                    name="benchmark_app",
                    command='"$program" -m "$models/$name.xml" -d CPU -api sync -hint none '
                    '-nstreams 1 -nthreads "$threads" -niter "$loops" -infer_precision f32',
                    # Before 2022 the median stood beside the heading; small nets are in us.
                    latencies={
                        rf"^(?:\[ INFO \])?\s*Median: +{NUMBER} us": 1e-3,
                        rf"^(?:\[ INFO \])?\s*Median: +{NUMBER} ms": 1.0,
                        rf"^(?:\[ INFO \])?\s*Latency: +{NUMBER} ms": 1.0,
                    },
                ),
            ),
        ),
        "litert": Engine(
            name="litert",
            distribution="ai-edge-litert",
            module="ai_edge_litert.interpreter",
            implementation="fbnet.engines.litert",
            suffixes=(".tflite",),
            precisions={
                FULL: "weights and arithmetic",
                "fp16": "stored weights; arithmetic in fp32",
                "int8": "weights and activations (static); input and output in fp32",
            },
            converter="onnx2tf",
            programs=(
                BenchmarkProgram(
                    name="benchmark_model",
                    command='"$program" --graph="$models/$name.tflite" --num_threads="$threads" '
                    '--num_runs="$loops" --use_xnnpack=true',
                    # Up to 2019 the average was called "no stats".
                    latencies={
                        rf"nference timings in us: .*Inference \(avg\): {NUMBER}": 1e-3,
                        rf"nference timings in us: .*no stats: {NUMBER}": 1e-3,
                    },
                ),
                BenchmarkProgram(
                    name="litert-benchmark",
                    command='"$program" --model="$models/$name.tflite" '
                    '--num_threads="$threads" --num_runs="$loops" --warmup_runs="$warmup"',
                    latencies={rf"^Inference \(median\): +{NUMBER} ms": 1.0},
                ),
            ),
        ),
        "executorch": Engine(
            name="executorch",
            distribution="executorch",
            module="executorch.runtime",
            implementation="fbnet.engines.executorch",
            suffixes=(".pte",),
            programs=(
                BenchmarkProgram(
                    name="executor_runner",
                    command='"$program" -model_path "$models/$name.pte" -cpu_threads "$threads" '
                    '-num_executions "$loops"',
                    latencies={
                        rf"executed successfully ([1-9]\d{{0,8}}) time\(s\) in {NUMBER} ms": 1.0
                    },
                    sums_runs=True,
                ),
            ),
        ),
        "coreml": Engine(
            name="coreml",
            distribution="coremltools",
            module="coremltools",
            implementation="fbnet.engines.coreml",
            suffixes=(".mlmodel",),
            system="darwin",
        ),
    },
)
"""By the name that params and commands use."""

EXPORTED = "onnxruntime"
"""The variant that is the exported ONNX file itself; all others are converted from it."""


def variants() -> dict[str, Variant]:
    """All variants that the engines offer, by name: those that `export.variants` may list.

    A variant has its engine's name in fp32 (`mnn`), and `ENGINE_PRECISION` (`mnn_int8`) below.
    """
    known = [Variant(engine, p) for engine in ENGINES.values() for p in engine.precisions]
    return {variant.name: variant for variant in known if variant.name != EXPORTED}
