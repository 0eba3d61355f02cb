"""Parsers against genuine output of the programs, a few lines each; origins stand beside them."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fbnet.costs.kit.results import read_results
from fbnet.errors import BadInput
from tests.test_bad_input import refused_in_one_line, tried

# benchmark.out of MNN (github.com/alibaba/MNN) on a Rock Pi 4B, as its owner noted it down; MNN's
# benchmark/benchmark.cpp prints this form.
BENCHMARK_OUT = """\
MNN benchmark
Forward type: **CPU** thread=4** precision=2** sparsity=0** sparseBlockOC=1
--------> Benchmarking... loop = 20, warmup = 5
[ - ] resnet-v2-50.mnn            max =  339.943 ms  min =  336.965 ms  avg =  338.189 ms
[ - ] mobilenetV3.mnn             max =   15.802 ms  min =   15.124 ms  avg =   15.222 ms
"""
# Older releases of MNN leave no blank before the unit: a benchmark.txt that MNN's
# benchmark/bench_android.sh wrote of a phone, in notes of 2020 on portrait segmentation.
BENCHMARK_OUT_OLD = """\
--------> Benchmarking... loop = 10, warmup = 5
[ - ] MobileNetV2_224.mnn         max =   43.952ms  min =   40.742ms  avg =   41.345ms
[ - ] mobilenet-v1-1.0.mnn        max =   67.484ms  min =   66.408ms  avg =   66.725ms
"""
# github.com/alibaba/MNN/issues/2767
MNNV2BASIC = "Avg= 6.437600 ms, OpSum = 7.997801 ms min= 4.856000 ms, max= 8.309000 ms\n"
# github.com/Tencent/ncnn/issues/4175
BENCHNCNN = """\
loop_count = 4
num_threads = 4
powersave = 2
gpu_device = -1
cooling_down = 1
          squeezenet  min =   41.74  max =   42.33  avg =   42.08
     squeezenet_int8  min =   34.87  max =   35.38  avg =   35.15
"""
# A model of one's own: github.com/Tencent/ncnn/pull/4782
BENCHNCNN_OWN = """\
loop_count = 1
num_threads = 8
powersave = 0
gpu_device = -1
cooling_down = 1
         vgg16.param  min =   28.64  max =   28.64  avg =   28.64
"""
# onnxruntime_perf_test of onnxruntime, run with -s: "Profiling - Use Resnet50v2 fp32 model as an
# example", a page of Arm's learning path performance_onnxruntime_kleidiai_sme2
# (github.com/ArmDeveloperEcosystem/arm-learning-paths).
PERF_TEST = """\
Setting intra_op_num_threads to 1
Session creation time cost: 0.217932 s
First inference time cost: 196 ms
Total inference time cost: 0.49481 s
Total inference requests: 5
Average inference time cost total: 98.961997 ms
Total inference run time: 0.494854 s
Runs:5
Min Latency: 0.0958204 s
Max Latency: 0.101519 s
P50 Latency: 0.0995086 s
P90 Latency: 0.101519 s
"""
# github.com/ARM-software/ComputeLibrary/issues/850, without -s.
PERF_TEST_PLAIN = """\
Session creation time cost: 0.127918 s
Total inference time cost: 1.44871 s
Total inference requests: 10
Average inference time cost: 144.871 ms
Total inference run time: 1.44916 s
"""
# github.com/microsoft/onnxruntime/issues/17313: perf_test as it was, and TensorRT's trtexec.
PERF_TEST_OLD = """\
Total time cost: 58.8053
Total iterations: 1000
Average time cost: 58.8053 ms
Total run time: 58.8102 s
Min Latency is 0.0559777 sec
Max Latency is 0.0623472 sec
P50 Latency is 0.0587108 sec
P90 Latency is 0.0599845 sec
"""
PERF_TEST_OLD_PLAIN = PERF_TEST_OLD.split("Min Latency")[0]
TRTEXEC = """\
[08/21/2023-14:59:38] [I] === Performance summary ===
[08/21/2023-14:59:38] [I] Throughput: 3716.81 qps
[08/21/2023-14:59:38] [I] Latency: min = 0.17041 ms, max = 0.243042 ms, mean = 0.184305 ms, \
median = 0.179932 ms, percentile(90%) = 0.194153 ms, percentile(95%) = 0.195312 ms
"""
# Up to TensorRT 7, each figure on a line: github.com/NVIDIA/TensorRT/issues/2054
TRTEXEC_OLD = """\
[06/12/2022-22:34:00] [I] Average on 10 runs - GPU latency: 1.55903 ms - Host latency: 1.65396 ms \
(end to end 3.01013 ms, enqueue 0.93772 ms)
[06/12/2022-22:34:00] [I] Host Latency
[06/12/2022-22:34:00] [I] min: 1.64058 ms (end to end 1.66368 ms)
[06/12/2022-22:34:00] [I] max: 6.2915 ms (end to end 7.65552 ms)
[06/12/2022-22:34:00] [I] mean: 1.66069 ms (end to end 3.00909 ms)
[06/12/2022-22:34:00] [I] median: 1.65601 ms (end to end 3.01636 ms)
[06/12/2022-22:34:00] [I] percentile: 1.67065 ms at 99% (end to end 3.03931 ms at 99%)
[06/12/2022-22:34:00] [I] throughput: 0 qps
"""
# github.com/tensorflow/tensorflow/issues/42507
BENCHMARK_MODEL = """\
Loaded model /data/local/tmp/espcn_harmonic_2x_slim_w_cl.tflite
Initialized session in 0.855ms.
Running benchmark for at least 50 iterations and at least 1 seconds but terminate if exceeding 150 \
seconds.
count=50 first=32891 curr=33978 min=32641 max=34005 avg=33209.4 std=450

Inference timings in us: Init: 855, First inference: 49060, Warmup (avg): 34825.1, \
Inference (avg): 33209.4
"""
# github.com/yuenshome/yuenshome.github.io/issues/77
BENCHMARK_MODEL_OLD = """\
count=15 first=66753 curr=66800 min=66699 max=66838 avg=66767.6 std=39

Average inference timings in us: Warmup: 76605.9, Init: 9933, no stats: 66767.6
"""
# ai-edge-litert 2.3.0's own, on a net of this project.
LITERT_BENCHMARK = """\
2026-11-28 11:46:36 INFO benchmark_litert_model: Model loaded (2.4 ms)
2026-11-28 11:46:36 INFO benchmark_litert_model: Running 50 benchmark iterations...

========================================
 BENCHMARK RESULTS
========================================
Model initialization:  2.42 ms
Warmup (first):        0.41 ms
Warmup (avg):          1.03 ms (10 runs)
Inference (avg):       0.22 ms (50 runs)
Inference (min):       0.19 ms
Inference (max):       1.48 ms
Inference (median):    0.19 ms
Inference (std):       0.18 ms
Inference (p5):        0.19 ms
Inference (p95):       0.26 ms
Throughput:            640.02 MB/s
Fully accelerated:     False
========================================
"""
# OpenVINO 2026.4.1's own, on this project's net.
BENCHMARK_APP = """\
[ INFO ] First inference took 21.08 ms
[Step 11/11] Dumping statistics report
[ INFO ] Execution Devices:['CPU']
[ INFO ] Count:            200 iterations
[ INFO ] Duration:         255.01 ms
[ INFO ] Latency:
[ INFO ]    Median:        0.28 ms
[ INFO ]    Average:       1.23 ms
[ INFO ]    Min:           0.22 ms
[ INFO ]    Max:           7.87 ms
[ INFO ] Throughput:   784.28 FPS
"""
# The same on one block of its space.
BENCHMARK_APP_SMALL = """\
[ INFO ] Latency:
[ INFO ]    Median:        19.59 us
[ INFO ]    Average:       21.41 us
[ INFO ] Throughput:   32537.10 FPS
"""
# github.com/openvinotoolkit/openvino/issues/5601
BENCHMARK_APP_OLD = """\
[Step 11/11] Dumping statistics report
Count:      181728 iterations
Duration:   60001.53 ms
Latency:    1.25 ms
Throughput: 3028.72 FPS
"""
# executor_runner of ExecuTorch: "Run model and generate the ETDump", a page of Arm's learning path
# measure-kleidiai-kernel-performance-on-executorch
# (github.com/ArmDeveloperEcosystem/arm-learning-paths).
EXECUTOR_RUNNER = """\
I 00:00:00.048120 executorch:threadpool.cpp:48] Resetting threadpool to 1 threads.
I 00:00:00.051509 executorch:executor_runner.cpp:218] Model file model/linear_model_f32.pte is \
loaded.
I 00:00:00.091459 executorch:executor_runner.cpp:340] Model executed successfully 1 time(s) in \
2.904883 ms.
I 00:00:00.091477 executorch:executor_runner.cpp:349] 1 outputs:
"""


def under(name: str, text: str) -> str:
    """As the kit's script marks the output of programs that do not name the model."""
    return f"# model {name}\n{text}"


@pytest.mark.parametrize(
    ("text", "program", "engine", "expected"),
    [
        (BENCHMARK_OUT, "benchmark.out", "mnn", {"resnet-v2-50": 338.189, "mobilenetV3": 15.222}),
        (
            BENCHMARK_OUT_OLD,
            "benchmark.out",
            "mnn",
            {"MobileNetV2_224": 41.345, "mobilenet-v1-1.0": 66.725},
        ),
        (under("a", MNNV2BASIC), "MNNV2Basic.out", "mnn", {"a": 6.4376}),
        (BENCHNCNN, "benchncnn", "ncnn", {"squeezenet": 42.08, "squeezenet_int8": 35.15}),
        (BENCHNCNN_OWN, "benchncnn", "ncnn", {"vgg16": 28.64}),
        (under("b", PERF_TEST), "onnxruntime_perf_test", "onnxruntime", {"b": 99.5086}),
        (under("c", PERF_TEST_PLAIN), "onnxruntime_perf_test", "onnxruntime", {"c": 144.871}),
        (under("d", PERF_TEST_OLD), "onnxruntime_perf_test", "onnxruntime", {"d": 58.7108}),
        (under("e", PERF_TEST_OLD_PLAIN), "onnxruntime_perf_test", "onnxruntime", {"e": 58.8053}),
        (under("f", TRTEXEC), "trtexec", "tensorrt", {"f": 0.179932}),
        (under("m", TRTEXEC_OLD), "trtexec", "tensorrt", {"m": 1.65601}),
        (under("g", BENCHMARK_MODEL), "benchmark_model", "litert", {"g": 33.2094}),
        (under("h", BENCHMARK_MODEL_OLD), "benchmark_model", "litert", {"h": 66.7676}),
        (under("o", LITERT_BENCHMARK), "litert-benchmark", "litert", {"o": 0.19}),
        (under("n", EXECUTOR_RUNNER), "executor_runner", "executorch", {"n": 2.904883}),
        (under("i", BENCHMARK_APP), "benchmark_app", "openvino", {"i": 0.28}),
        (under("j", BENCHMARK_APP_OLD), "benchmark_app", "openvino", {"j": 1.25}),
        (
            under("k", BENCHMARK_APP_SMALL) + under("l", BENCHMARK_APP),
            "benchmark_app",
            "openvino",
            {"k": 0.01959, "l": 0.28},
        ),
    ],
)
def test_genuine_outputs(text: str, program: str, engine: str, expected: dict[str, float]) -> None:
    results = read_results(text, "x.txt")
    assert (results.facts["program"], results.facts["engine"]) == (program, engine)
    assert {name: timing.median for name, timing in results.times.items()} == pytest.approx(
        expected
    )


def test_a_time_of_many_runs_is_divided_by_their_number() -> None:
    text = under("a", EXECUTOR_RUNNER.replace("1 time(s) in 2.9", "50 time(s) in 145.2"))
    assert read_results(text, "x.txt").times["a"].median == pytest.approx(145.204883 / 50)


def test_rounds_are_joined_by_their_median_and_facts_are_kept() -> None:
    faster = BENCHNCNN.replace("42.08", "40.00").replace("35.15", "35.00")
    slower = BENCHNCNN.replace("42.08", "99.00").replace("squeezenet_int8", "other/one.param")
    text = "# kit abc\n# cpu A Phone\n# threads 4\n" + faster + BENCHNCNN + slower
    results = read_results(text, "x.txt")
    timing = results.times["squeezenet"]
    assert (timing.n, timing.min, timing.median) == (3, 40.0, 42.08)
    assert results.times["squeezenet_int8"].n == 2
    assert results.times["one"].median == 35.15
    assert {k: results.facts[k] for k in ("kit", "cpu", "threads")} == {
        "kit": "abc",
        "cpu": "A Phone",
        "threads": "4",
    }


def test_every_model_gets_its_own_output() -> None:
    text = under("a", MNNV2BASIC) + under("b", "Segmentation fault\n") + under("c", MNNV2BASIC)
    assert list(read_results(text, "x.txt").times) == ["a", "c"]


@pytest.mark.parametrize("text", ["", "hello\n", MNNV2BASIC, "# model a\n"])
def test_texts_without_a_latency_are_refused(text: str) -> None:
    with pytest.raises(BadInput, match=r"x\.txt: no latency in it; give .* benchncnn"):
        read_results(text, "x.txt")


HEAD = "name,n,min,median,mean,std,ci,engine,version,cpu,threads,kit\n"


def test_faults_of_a_csv_are_named_by_line() -> None:
    row = "a,5,0.1,0.2,0.2,0.01,0.02,mnn,3.6.1,A board,1,abc\n"
    results = read_results(HEAD + row, "x.csv")
    assert (results.times["a"].n, results.times["a"].median) == (5, 0.2)
    assert results.facts["version"] == "3.6.1"
    with pytest.raises(
        BadInput, match=r"2 faults: x\.csv:3: model a occurs twice; x\.csv:4: min is 'x'"
    ):
        read_results(HEAD + row + row + row.replace("a,5,0.1", "b,5,x"), "x.csv")
    with pytest.raises(BadInput, match=r"x\.csv:3: 2 cells under 12 headings"):
        read_results(HEAD + row + "b,5\n", "x.csv")
    with pytest.raises(BadInput, match=r"x\.csv: threads is 'many'"):
        read_results(HEAD + row.replace(",1,abc", ",many,abc"), "x.csv")
    with pytest.raises(BadInput, match=r"x\.csv: threads is '0'; must be a whole number from 1 on"):
        read_results(HEAD + row.replace(",1,abc", ",0,abc"), "x.csv")
    spreadsheet = (HEAD + row).replace(",", ";").replace(".", ",").replace("3,6,1", "3.6.1")
    assert read_results(f"sep=;\n{spreadsheet}", "x.csv") == results
    with pytest.raises(BadInput, match=r"x\.csv: holds no row"):
        read_results(HEAD, "x.csv")


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ("-3,0.1,0.2,0.2,0.01,0.02", "n is '-3'; must be 1 or more"),
        ("0,0.1,0.2,0.2,0.01,0.02", "n is '0'; must be 1 or more"),
        ("2.5,0.1,0.2,0.2,0.01,0.02", "n is '2.5'; must be a whole number"),
        ("5,0.1,0.2,0.2,-0.01,0.02", "std is '-0.01'; must be 0 or more"),
        ("5,0.1,0.2,0.2,0.01,-0.02", "ci is '-0.02'; must be 0 or more"),
    ],
)
def test_figures_that_cannot_be_are_named_by_line(cells: str, message: str) -> None:
    with pytest.raises(BadInput, match=rf"^x\.csv:2: {message}$"):
        read_results(f"{HEAD}a,{cells},mnn,3.6.1,A board,1,abc\n", "x.csv")


PRINTED = [value for name, value in globals().items() if name.isupper() and isinstance(value, str)]


@tried
@given(
    st.sampled_from(PRINTED),
    st.sampled_from(["1.2.3", "9" * 400, "0", "nan", "-1", "1e400", "1,5", "²"]),
    st.text(max_size=9),
)
@example(PRINTED[0], "1.5", "9" * 5000)
@example(PRINTED[0], "1.5", "two")
def test_outputs_with_other_numbers(printed: str, latency: str, threads: str) -> None:
    text = f"# threads {threads}\n# model a\n{re.sub(r'[0-9]+[.][0-9]+', latency, printed)}"
    refused_in_one_line(lambda: read_results(text, "output.txt"))
