"""A kit: written, carried elsewhere, measured without this project, and brought back."""

import csv
import dataclasses
import getpass
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fbnet.costs.device_lut import device_table
from fbnet.costs.kit import runner
from fbnet.costs.kit.contents import FILE, Contents, read_contents
from fbnet.costs.kit.results import VAGUE, table_of
from fbnet.costs.kit.write import program_script, write_kit
from fbnet.costs.lut import cost_of, from_table
from fbnet.engines import ENGINES
from fbnet.errors import BadInput
from fbnet.faces.faceset import FaceSet
from fbnet.files import digest, write_json
from fbnet.params import MOST_THREADS, NNI_SPACE, LutParams, SearchParams, SpaceParams, StageParams
from fbnet.search.loop import Search
from stages.cli import main
from tests.test_bad_input import WEIRD, changed, keys, refused_in_one_line, tried
from tests.waiting import started

SPACE = SpaceParams(
    stages=(
        StageParams(ops=("mb_k3_e2_res", "gh_k3"), layer_num=2, channels=32, stride=1),
        StageParams(ops=("sep_k3", "mb_k3_res_se"), layer_num=1, channels=16, stride=2),
    )
)
SIZE, POINTS = 32, 68
CONTENTS = Contents.of(SPACE, POINTS, SIZE, checks=3, seed=0)


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kit") / "kit"
    write_kit(folder, CONTENTS, ["onnxruntime"])
    return folder


@pytest.fixture(scope="module")
def results(kit: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Measured in an empty folder, by a Python that sees neither this project nor its folder."""
    away = tmp_path_factory.mktemp("away")
    shutil.copytree(kit, away / "kit")
    watched = (
        "import runpy, sys; sys.argv = ['kit/run.py', *sys.argv[1:]]\n"
        "try: runpy.run_path('kit/run.py', run_name='__main__')\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "seen = {name.partition('.')[0] for name in sys.modules}\n"
        "assert not seen & {'fbnet', 'torch', 'onnx', 'pydantic'}, seen"
    )
    quick = ["--rounds", "5", "--warmup", "1", "--seconds", "1"]
    subprocess.run([sys.executable, "-I", "-c", watched, *quick], cwd=away, check=True)
    assert sorted(os.listdir(away)) == ["kit", "results.csv"]
    return away / "results.csv"


def made_up(keys: dict[str, Any]) -> dict[str, float]:
    """Latencies in ms by name that fit together: a base of 1, nets as the sums of their blocks."""
    ranks = {name: i for i, name in enumerate(n for n in keys if not n.startswith(("base", "net")))}
    cost = {keys[name]: 0.5 + 0.01 * rank for name, rank in ranks.items()}
    by_block = {block: value for (block, _), value in cost.items()}
    latencies = {name: 1.0 + cost[keys[name]] for name in ranks}
    latencies |= {name: 1.0 for name in keys if name.startswith("base")}
    nets = {name: key for name, key in keys.items() if name.startswith("net")}
    return latencies | {name: 2.0 + sum(by_block[b] for b in key) for name, key in nets.items()}


def write_csv(path: Path, values: dict[str, float], **facts: str) -> Path:
    with path.open("w") as stream:
        names = ["name", "n", "min", "median", "mean", "std", "ci", "engine", *facts]
        writer = csv.DictWriter(stream, names)
        writer.writeheader()
        for name, value in values.items():
            times = dict.fromkeys(("min", "median", "mean"), value)
            row = {"name": name, "n": 9, "std": 0.1, "ci": 0.01, "engine": "mnn"}
            writer.writerow(row | times | facts)
    return path


def settled(results: Path, path: Path) -> Path:
    """The measurement with latencies that fit together, whatever else the machine did."""
    values = made_up(CONTENTS.keys())
    rows = list(csv.DictReader(results.read_text().splitlines()))
    with path.open("w") as stream:
        writer = csv.DictWriter(stream, [*rows[0]])
        writer.writeheader()
        for row in rows:
            writer.writerow(row | dict.fromkeys(("min", "median", "mean"), values[row["name"]]))
    return path


def test_equal_shapes_have_one_model_and_the_manifest_states_every_file(kit: Path) -> None:
    manifest = json.loads((kit / "manifest.json").read_text())
    names = sorted(manifest["models"])
    assert names == sorted(CONTENTS.keys())
    assert [n for n in names if n[:3] not in ("bas", "net")] == [
        "gh_k3-32-32-s1-4",
        "mb_k3_e2_res-32-32-s1-4",
        "mb_k3_res_se-32-16-s2-4",
        "sep_k3-32-16-s2-4",
    ]
    files = [f for model in manifest["models"].values() for f in model["files"]["onnxruntime"]]
    assert all(digest(kit / f["path"]) == f["sha256"] for f in files)
    assert sorted(os.listdir(kit / "models/onnxruntime")) == sorted(
        Path(f["path"]).name for f in files
    )
    assert len(Contents.of(NNI_SPACE, 106, 112, checks=8, seed=0).keys()) == 27 + 2 + 3 + 8
    assert read_contents(kit)[0] == CONTENTS


def test_equal_kits_are_equal_and_a_folder_in_use_is_left_alone(kit: Path, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    write_kit(tmp_path / "new", CONTENTS, ["onnxruntime"])
    files = [p.relative_to(kit) for p in kit.rglob("*") if p.is_file()]
    assert all(digest(kit / f) == digest(tmp_path / "new" / f) for f in files)
    assert os.listdir(tmp_path) == ["new"]
    with pytest.raises(BadInput, match="holds something already"):
        write_kit(tmp_path, CONTENTS, ["onnxruntime"])
    assert os.listdir(tmp_path) == ["new"]


def test_each_engine_has_its_files(tmp_path: Path) -> None:
    one = SpaceParams(stages=(StageParams(ops=("gh_k3",), layer_num=1, channels=16, stride=1),))
    contents = Contents.of(one, POINTS, SIZE, checks=2, seed=0)
    write_kit(tmp_path / "kit", contents, ["mnn", "ncnn"])
    suffixes = {p.suffix for p in (tmp_path / "kit").glob("models/*/gh_k3-32-16-s1-4*")}
    assert suffixes == {".mnn", ".param", ".bin"}
    assert contents.checks == ()  # the space has no other net than its reference


def test_what_is_measured_elsewhere_becomes_a_table_that_the_search_takes(
    kit: Path, results: Path, faces: FaceSet, tmp_path: Path
) -> None:
    table = table_of(settled(results, tmp_path / "settled.csv"), kit)
    assert (table["engine"], table["size"], table["points"]) == ("onnxruntime", SIZE, POINTS)
    assert table["version"] and table["cpu"] and table["protocol"]["threads"] == 1
    nets = table["fixed"]["references"]
    lut = from_table(table, SPACE)
    predicted = np.mean([cost_of(lut, net["choice"]) for net in nets])
    assert predicted == pytest.approx(np.mean([net["median"] for net in nets]))
    assert len(table["checks"]) == 3 and lut.error == table["mape"]
    write_json(tmp_path / "latency.json", table)
    params = LutParams(source="file", file=str(tmp_path / "latency.json"))
    assert device_table(SPACE, POINTS, params, SIZE) == table
    quick = SearchParams(
        epochs=2, warmup_epochs=1, batch=16, arch_batch=4, nas_lr=6.0, augment=False, min_steps=0,
        proxy_share=1.0,
    )  # fmt: skip
    split = np.array([0, 0, 1] * (len(faces.split) // 3), np.uint8)
    Search(dataclasses.replace(faces, split=split), SPACE, lut, quick).run()


def test_the_runner_refuses_a_changed_model(kit: Path, tmp_path: Path) -> None:
    shutil.copytree(kit, tmp_path / "kit")
    (tmp_path / "kit/models/onnxruntime/net-1.onnx").write_bytes(b"other")
    command = [sys.executable, "-I", "kit/run.py", "--seconds", "0.1"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and "net-1.onnx: not the file of this kit" in done.stderr
    assert not (tmp_path / "results.csv").exists()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"engines": []}', '{"engines": [1]}', None])
def test_the_runner_refuses_a_damaged_manifest(kit: Path, tmp_path: Path, text: str | None) -> None:
    folder = shutil.copytree(kit, tmp_path / "kit")
    whole = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(whole[:300] if text is None else text)
    done = subprocess.run(
        [sys.executable, "-I", "kit/run.py"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "manifest.json: is damaged, or no kit's; copy the kit whole" in done.stderr


def test_the_runner_takes_no_more_threads_than_params(kit: Path, tmp_path: Path) -> None:
    assert runner.MOST_THREADS == MOST_THREADS
    command = [sys.executable, "-I", str(kit / "run.py"), "--threads", str(MOST_THREADS + 1)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2 and f"give {MOST_THREADS} at most" in done.stderr


def test_the_runner_makes_the_folder_of_its_results(kit: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-I", str(kit / "run.py"), "--seconds", "0.1", "--warmup", "0"]
    command += ["--rounds", "1", "--out"]
    done = subprocess.run([*command, "new/results.csv"], cwd=tmp_path, capture_output=True)
    assert done.returncode == 0 and (tmp_path / "new/results.csv").exists()
    (tmp_path / "file").touch()
    done = subprocess.run([*command, "file/results.csv"], cwd=tmp_path, capture_output=True)
    assert done.returncode == 2 and done.stderr.count(b"\n") == 1
    assert b"file/results.csv: cannot be written" in done.stderr
    done = subprocess.run([*command, "new"], cwd=tmp_path, capture_output=True)
    assert done.returncode == 2 and b"new: is a folder; name a file in it" in done.stderr
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["results.csv"]


def test_a_missing_engine_is_named_in_one_line(kit: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(kit, tmp_path / "kit")
    manifest = (folder / "manifest.json").read_text()
    manifest = manifest.replace('"module": "onnxruntime"', '"module": "no_such_engine"')
    (folder / "manifest.json").write_text(manifest)
    (folder / "no_such_engine").mkdir()  # a folder of its name does not stand in for it
    done = subprocess.run(
        [sys.executable, "kit/run.py"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr == (
        "run.py: engine onnxruntime is not installed here; pip install onnxruntime, or choose "
        "another engine\n"
    )


def test_a_program_of_another_engine_is_refused(kit: Path, tmp_path: Path) -> None:
    (tmp_path / "benchncnn").touch()
    command = ["sh", str(kit / "bench.sh"), str(tmp_path / "benchncnn"), "here"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert (
        "not a benchmark program of this kit's engines (onnxruntime_perf_test trtexec)"
        in done.stderr
    )


def test_entries_are_blocks_less_their_neighbours_and_checks_tell_the_error(
    kit: Path, tmp_path: Path
) -> None:
    values = made_up(CONTENTS.keys())
    values["net-3"] *= 1.25  # the first check net; references are net-0 to net-2
    table = table_of(write_csv(tmp_path / "r.csv", values), kit)
    blocks = [layer["blocks"] for layer in table["layers"]]
    assert [b["median"] for b in blocks[0].values()] == pytest.approx([0.5, 0.51])
    assert table["fixed"]["median"] == pytest.approx(2.0)
    assert table["mape"] == pytest.approx(0.2 / 3)


def spoilt(name: str, value: float | None) -> dict[str, float]:
    values = made_up(CONTENTS.keys())
    if value is None:
        del values[name]
    else:
        values[name] = value
    return values


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("gh_k3-32-32-s1-4", None, r"model gh_k3-32-32-s1-4: not measured"),
        ("net-4", None, r"model net-4: not measured"),
        ("conv9", 1.0, r"model conv9: not of this kit"),
        ("sep_k3-32-16-s2-4", -1.0, r"sep_k3-32-16-s2-4: latency -1 ms; must be a positive"),
        ("sep_k3-32-16-s2-4", 0, r"sep_k3-32-16-s2-4: latency 0 ms"),
        ("sep_k3-32-16-s2-4", float("nan"), r"r\.csv:\d+: \w+ is 'nan'; write a finite number"),
        ("sep_k3-32-16-s2-4", 0.9, r"layer 2, block sep_k3: no costlier than its neighbours alone"),
        ("sep_k3-32-16-s2-4", 90.0, r"layer 2, block sep_k3: cost 89 ms is 1\S+ times the table's"),
    ],
)
def test_faults_are_named(
    name: str, value: float | None, message: str, kit: Path, tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match=message):
        table_of(write_csv(tmp_path / "r.csv", spoilt(name, value)), kit)


def test_all_faults_stand_in_one_error(kit: Path, tmp_path: Path) -> None:
    values = {f"other-{i}": 1.0 for i in range(3)} | {"net-0": -2.0}
    count = len(CONTENTS.keys()) - 1 + 3 + 1
    with pytest.raises(BadInput, match=rf"^{count} faults: .*: not measured; .*; and \d+ more$"):
        table_of(write_csv(tmp_path / "r.csv", values), kit)


def test_medians_that_are_known_badly_are_warned_of(
    kit: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_csv(tmp_path / "r.csv", made_up(CONTENTS.keys()))
    table_of(path, kit)
    assert capsys.readouterr().out == ""
    text = path.read_text()
    for name, ci in {"net-0": VAGUE + 0.01, "gh_k3-32-32-s1-4": 1.6}.items():
        text = re.sub(rf"^({name},.*),0\.01,mnn", rf"\1,{ci},mnn", text, flags=re.MULTILINE)
    path.write_text(text)
    table_of(path, kit)
    line = capsys.readouterr().out
    assert line.startswith("warning: ") and line.count("\n") == 1
    assert "r.csv: medians are known to +-160% at worst (gh_k3-32-32-s1-4)" in line


def test_two_measurements_in_one_file_are_refused(kit: Path, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "r.csv", made_up(CONTENTS.keys()))
    *rows, last = path.read_text().splitlines()
    path.write_text("\n".join([*rows, last.replace("mnn", "ncnn")]) + "\n")
    with pytest.raises(BadInput, match=r"r\.csv:\d+: engine is 'mnn' and 'ncnn'; import one"):
        table_of(path, kit)
    command = ["import", str(path), "--kit", str(kit), "--out", str(path)]
    assert main(command) == 2 and path.read_text().startswith("name,")


def test_results_of_another_kit_are_refused(kit: Path, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "r.csv", made_up(CONTENTS.keys()), kit="0123456789abcdef")
    with pytest.raises(BadInput, match=r"of kit 0123456789abcdef, and .* is [0-9a-f]{16}"):
        table_of(path, kit)
    with pytest.raises(BadInput, match=r"no kit, it holds no manifest\.json"):
        table_of(path, tmp_path)


LOOK_UP = 'name=$(basename "$last"); name=${name%.*}; value=$(grep "^$name " v.txt | cut -d" " -f'
FAKES = {
    "onnxruntime_perf_test": ("onnxruntime", f'{LOOK_UP}3); echo "P50 Latency: $value s"'),
    "MNNV2Basic.out": ("mnn", f'last=$1; {LOOK_UP}2); echo "Avg= $value ms, OpSum = 0 ms"'),
    "benchncnn": (
        "ncnn",
        f'last=${{6#param=}}; {LOOK_UP}2); [ "${{7%%[0-9]*}}" = "shape=[" ] && '
        'echo "  $last  min =  0.1  max =  0.2  avg =  $value"',
    ),
    "trtexec": (
        "onnxruntime",
        f"last=${{1#--onnx=}}; {LOOK_UP}2); "
        'echo "[I] Latency: min = 0 ms, max = 1 ms, mean = 1 ms, median = $value ms, percentile"',
    ),
    "benchmark_app": ("openvino", f'last=$2; {LOOK_UP}2); echo "[ INFO ]    Median:   $value ms"'),
    "benchmark_model": (
        "litert",
        f"last=${{1#--graph=}}; {LOOK_UP}3); "
        'echo "Inference timings in us: Init: 855, Inference (avg): ${value}e6"',
    ),
    "litert-benchmark": (
        "litert",
        f'last=${{1#--model=}}; {LOOK_UP}2); echo "Inference (median):    $value ms"',
    ),
    "executor_runner": (
        "executorch",
        f"last=$2; {LOOK_UP}4); "
        'echo "executor_runner.cpp:340] Model executed successfully $6 time(s) in $value ms."',
    ),
    "benchmark.out": (
        "mnn",
        "for last in $1/*; do "
        + LOOK_UP
        + '2); echo "[ - ] $name.mnn   max = 9 ms  min = 0 ms  avg = $value ms"; done',
    ),
}
"""Stand-ins for the programs: engine, and a shell line that prints as they do."""


@pytest.mark.parametrize("program", sorted(FAKES))
def test_the_script_runs_a_program_over_all_models(program: str, kit: Path, tmp_path: Path) -> None:
    engine, says = FAKES[program]
    folder = shutil.copytree(kit, tmp_path / "kit")
    (folder / "programs.sh").write_text(program_script([*ENGINES.values()]))
    models = folder / "models" / engine
    (folder / "models/onnxruntime").rename(models)
    for file in models.iterdir():
        file.rename(file.with_suffix(ENGINES[engine].suffixes[0]))
    values = made_up(CONTENTS.keys())
    lines = "".join(f"{n} {v} {v / 1e3} {v * 5}\n" for n, v in values.items())  # 5 loops
    fake = tmp_path / program
    script = ["#!/bin/sh", "cat >v.txt <<'END'", f"{lines}END", 'for last in "$@"; do :; done']
    fake.write_text("\n".join([*script, says, ""]))
    fake.chmod(0o755)
    command = ["sh", str(folder / "bench.sh"), str(fake), "here", "2", "5", "2"]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    (tmp_path / "results.txt").write_text(out)
    table = table_of(tmp_path / "results.txt", kit)
    assert table["protocol"] == {"threads": 2, "batch": 1, "program": program}
    assert table["cpu"] and table["engine"] == ("tensorrt" if program == "trtexec" else engine)
    assert table["layers"][0]["blocks"]["gh_k3"]["median"] == pytest.approx(0.51)
    assert table["layers"][0]["blocks"]["gh_k3"]["n"] == 2


def write_programs(folder: Path, lines: dict[str, str]) -> Path:
    """A folder of shell scripts by name."""
    folder.mkdir()
    for name, line in lines.items():
        (folder / name).write_text(f"#!/bin/sh\n{line}\n")
        (folder / name).chmod(0o755)
    return folder


def check_a_failing_program(kit: Path, place: str, bin: Path, there: Path, shell: str) -> None:
    """Its exit status is the script's, and the device's folder for temporary files is empty."""
    programs = write_programs(bin.with_name("programs"), {"onnxruntime_perf_test": "exit 7"})
    environment = os.environ | {"PATH": f"{bin}:{os.environ['PATH']}", "TMPDIR": str(there)}
    command = [shell, str(kit / "bench.sh"), str(programs / "onnxruntime_perf_test"), place]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 7, done.stderr
    assert "# model" in done.stdout
    assert list(there.iterdir()) == []


@pytest.mark.parametrize("shell", ["sh", "bash"])
@pytest.mark.parametrize("place", ["here", "ssh:board", "adb:serial"])
def test_the_programs_exit_status_comes_back_and_nothing_stays(
    place: str, shell: str, kit: Path, tmp_path: Path
) -> None:
    there = tmp_path / "there"
    there.mkdir()
    # The device is this machine: ssh and adb run the line, scp and push copy to a folder of it.
    copies = 'while [ $# -gt 1 ]; do cp -r "$1" "$target"; shift; done'
    stand_ins = {
        "ssh": 'shift; exec sh -c "$*"',
        "scp": 'shift; for last in "$@"; do :; done; eval "target=${last#*:}"; ' + copies,
        "adb": '[ "$ANDROID_SERIAL" = serial ] || exit 9; verb=$1; shift; '
        'for last in "$@"; do :; done; target=$TMPDIR${last#/data/local/tmp}; '
        f'if [ "$verb" = push ]; then {copies}; exit; fi; '
        'exec sh -c "$(echo "$*" | sed "s|/data/local/tmp|$TMPDIR|g")"',
    }
    bin = write_programs(tmp_path / "bin", stand_ins)
    check_a_failing_program(kit, place, bin, there, shell)


SSHD = shutil.which("sshd") or "/usr/sbin/sshd"


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Path]:
    """A real sshd on loopback: a folder with the ssh and scp that know it as `board`.

    Its temporary files go to `there` beside that folder.
    """
    if not (os.access(SSHD, os.X_OK) and shutil.which("scp") and shutil.which("ssh-keygen")):
        pytest.skip("no sshd on this machine")
    for key in ("host", "user"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / key)]
        subprocess.run(command, check=True)
    there = tmp_path / "there"
    there.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = {
        "ListenAddress": f"127.0.0.1:{port}",
        "HostKey": tmp_path / "host",
        "AuthorizedKeysFile": tmp_path / "user.pub",
        "StrictModes": "no",
        "PidFile": "none",
        "Subsystem": "sftp internal-sftp",
        "SetEnv": f"TMPDIR={there}",
    }
    client = {
        "HostName": "127.0.0.1",
        "Port": port,
        "User": getpass.getuser(),
        "IdentityFile": tmp_path / "user",
        "IdentitiesOnly": "yes",
        "StrictHostKeyChecking": "no",
        "UserKnownHostsFile": "/dev/null",
        "LogLevel": "ERROR",
    }
    for name, options in {"server": server, "client": client}.items():
        lines = [f"{option} {value}\n" for option, value in options.items()]
        (tmp_path / name).write_text("".join(lines))
    ways = {name: f'exec {shutil.which(name)} -F {tmp_path}/client "$@"' for name in ("ssh", "scp")}
    bin = write_programs(tmp_path / "bin", ways)
    command = [SSHD, "-D", "-e", "-f", str(tmp_path / "server")]
    with started(command, stderr=subprocess.PIPE, text=True) as daemon:
        assert daemon.stderr is not None
        try:
            line = daemon.stderr.readline()
            if "listening" not in line:
                pytest.skip(f"sshd does not start here: {line.strip()}")
            yield bin
        finally:
            daemon.terminate()


def test_the_exit_status_comes_back_through_a_real_sshd(kit: Path, board: Path) -> None:
    there = board.with_name("there")
    check_a_failing_program(kit, "ssh:board", board, there, "sh")


# Results and manifests that others wrote

VALUES = made_up(CONTENTS.keys())


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kit's folder without its models."""
    folder = tmp_path_factory.mktemp("manifest")
    write_json(folder / FILE, CONTENTS.record())
    return folder


def imported(results: Path, kit: Path) -> None:
    """What `fbnet import` does."""
    write_json(results.with_name("latency.json"), table_of(results, kit))


@tried
@given(st.integers(0, 5000), st.integers(0, 40), st.binary(max_size=8))
def test_results_of_other_bytes(
    manifest: Path, tmp_path: Path, place: int, gone: int, data: bytes
) -> None:
    path = write_csv(tmp_path / "results.csv", VALUES, threads="1", kit=read_contents(manifest)[1])
    text = path.read_bytes()
    place %= len(text)
    path.write_bytes(text[:place] + data + text[place + gone :])
    refused_in_one_line(lambda: imported(path, manifest))


@tried
@given(
    st.sampled_from(["name", "n", "min", "median", "mean", "std", "ci", "threads", "kit"]),
    st.integers(0, len(VALUES) - 1),
    st.sampled_from(["cell", "column", "heading"]),
    st.one_of(WEIRD.map(str), st.sampled_from(["1e308", "-1", "1e-320", "0", "9" * 5000])),
)
@example("name", 0, "heading", "Name")
@example("threads", 0, "column", "9" * 5000)
@example("median", 0, "column", "1e308")
@example("n", 0, "column", "1e308")
@example("ci", 0, "cell", "1e308")
def test_results_of_other_cells(
    manifest: Path, tmp_path: Path, name: str, row: int, where: str, value: str
) -> None:
    path = write_csv(tmp_path / "results.csv", VALUES, threads="1", kit="k")
    rows = list(csv.DictReader(path.read_text().splitlines()))
    names = [*rows[0]]
    if where == "heading":
        names[names.index(name)] = value
    for number, cells in enumerate(rows):
        if where == "column" or (where == "cell" and number == row):
            cells[name] = value
    with path.open("w", encoding="utf-8", errors="replace", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(names)
        writer.writerows(cells.values() for cells in rows)
    refused_in_one_line(lambda: imported(path, manifest))


@settings(tried, max_examples=30)
@given(st.sampled_from(keys(CONTENTS.record())), WEIRD)
@example(("references", 1, 2), "")
@example(("checks", 0), [])
def test_manifests_of_other_values(tmp_path: Path, place: tuple[Any, ...], value: Any) -> None:
    (tmp_path / FILE).write_text(json.dumps(changed(CONTENTS.record(), place, value)))
    path = write_csv(tmp_path / "results.csv", VALUES)
    refused_in_one_line(lambda: imported(path, tmp_path))
