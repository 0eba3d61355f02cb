#!/bin/sh
# Times the kit on a device with an engine's own benchmark program; the results go to stdout.
#
#   sh bench.sh PROGRAM PLACE [THREADS] [LOOPS] [ROUNDS] > results.txt
#
# PROGRAM: a program of programs.sh, such as benchmark.out or benchncnn, built for the device; the
#   .so files beside it go along.
# PLACE: adb, adb:SERIAL, ssh:USER@HOST, or here.
set -eu
[ $# -ge 2 ] || { sed -n 2,8p "$0" >&2; exit 2; }
program=$1 place=$2 threads=${3:-1} loops=${4:-50} rounds=${5:-6}
kit=$(cd "$(dirname "$0")" && pwd)
[ -f "$program" ] || { echo "bench.sh: $program: no such file" >&2; exit 2; }
. "$kit/programs.sh"
[ -n "$engine" ] || {
    echo "bench.sh: $program: not a benchmark program of this kit's engines ($programs)" >&2
    exit 2
}
if command -v sha256sum >/dev/null; then
    echo "# kit $(sha256sum <"$kit/manifest.json" | cut -c1-16)"
fi
run="sh device.sh ./$(basename "$program") $threads $loops $rounds"
set -- "$kit/models/$engine" "$kit/models.txt" "$kit/device.sh" "$kit/programs.sh" "$program"
for library in "$(dirname "$program")"/*.so; do
    [ ! -e "$library" ] || set -- "$@" "$library"
done
trap 'exit 130' HUP INT TERM  # so that what stands under EXIT is done then too
case $place in
    here)
        folder=$(mktemp -d)
        trap 'rm -rf "$folder"' EXIT
        cp -r "$@" "$folder"
        (cd "$folder" && $run)
        ;;
    adb | adb:*)
        folder=/data/local/tmp/fbnet-kit
        [ "$place" = adb ] || export ANDROID_SERIAL="${place#adb:}"
        adb shell "rm -rf $folder && mkdir -p $folder" >&2
        trap 'adb shell rm -rf "$folder"' EXIT
        adb push "$@" $folder >&2
        adb shell "cd $folder && chmod +x ./* && $run"
        ;;
    ssh:*)
        host=${place#ssh:}
        folder=$(ssh "$host" mktemp -d)
        trap 'ssh "$host" rm -rf "$folder"' EXIT
        scp -qr "$@" "$host:$folder" >&2
        ssh "$host" "cd $folder && chmod +x ./* && $run"
        ;;
    *) echo "bench.sh: $place: give adb, adb:SERIAL, ssh:USER@HOST or here" >&2; exit 2 ;;
esac
