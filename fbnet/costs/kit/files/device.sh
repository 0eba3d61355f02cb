#!/bin/sh
# Runs on the device, in the folder that bench.sh filled: all models in turn, and again.
#
#   sh device.sh PROGRAM THREADS LOOPS ROUNDS
set -eu
program=$1 threads=$2 loops=$3 rounds=$4
. ./programs.sh
export LD_LIBRARY_PATH=".:${LD_LIBRARY_PATH:-}"
models=$engine warmup=10
cpu=$(sed -n -e 's/^model name[^:]*: *//p' -e 's/^Hardware[^:]*: *//p' /proc/cpuinfo | head -n 1)
[ -n "$cpu" ] || cpu=$(getprop ro.soc.model 2>/dev/null || uname -m)
echo "# program $(basename "$program")"
echo "# cpu $cpu"
echo "# threads $threads"
round=0
while [ "$round" -lt "$rounds" ]; do
    if [ "$runs_folder" = yes ]; then
        measure
    else
        while read -r name width height channels; do
            echo "# model $name"
            measure </dev/null 2>&1
        done <models.txt
    fi
    round=$((round + 1))
done
