#!/bin/sh
# Runs on the device, in the folder that bench.sh filled: all models in turn, and again.
#
#   sh device.sh PROGRAM ENGINE THREADS LOOPS ROUNDS
set -eu
program=$1 engine=$2 threads=$3 loops=$4 rounds=$5
export LD_LIBRARY_PATH=".:${LD_LIBRARY_PATH:-}"
warmup=10
cpu=$(sed -n -e 's/^model name[^:]*: *//p' -e 's/^Hardware[^:]*: *//p' /proc/cpuinfo | head -n 1)
[ -n "$cpu" ] || cpu=$(getprop ro.soc.model 2>/dev/null || uname -m)
echo "# program $(basename "$program")"
echo "# cpu $cpu"
echo "# threads $threads"
each() {
    while read -r name width height channels; do
        echo "# model $name"
        "$@" </dev/null 2>&1
    done <models.txt
}
mnn_basic() { "$program" "$engine/$name.mnn" "$loops" 0 0 "$threads"; }
ncnn() {
    "$program" "$loops" "$threads" 0 -1 0 "param=$engine/$name.param" \
        "shape=[$width,$height,$channels]"
}
onnxruntime() { "$program" -I -s -m times -r "$loops" -x "$threads" -y 1 "$engine/$name.onnx"; }
round=0
while [ "$round" -lt "$rounds" ]; do
    case $(basename "$program") in
        # CPU, precision 1: fp32 also where the processor has fp16.
        benchmark.out) "$program" "$engine" "$loops" "$warmup" 0 "$threads" 1 ;;
        MNNV2Basic.out) each mnn_basic ;;
        benchncnn) each ncnn ;;
        onnxruntime_perf_test) each onnxruntime ;;
    esac
    round=$((round + 1))
done
