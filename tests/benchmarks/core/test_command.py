"""plan, run and table, the same for every benchmark."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.core import Benchmark, Summary
from benchmarks.core.jobs import Job
from benchmarks.core.ledger import Ledger
from fbnet.files import read_json

ROOT = Path(__file__).parents[3]
BENCHMARKS = sorted(path.parent.name for path in ROOT.glob("benchmarks/*/__main__.py"))


def count(job, ledger):
    return {"value": job.setting["value"] * job.inputs}


def jobs(given, ledger):
    """The second follows from the first's result."""
    first = Job("first", {"value": 1}, count, given.factor)
    known = ledger.result(first)
    return [first, *([Job("next", {"value": known["value"] + 1}, count, 1)] if known else [])]


def summary(ledger):
    values = {name: result["value"] for name, result in ledger.results().items()}
    page = ledger.folder.with_name("page.md")
    draw = {"plot.png": lambda path: path.write_bytes(b"drawn")}
    return Summary(values, {page: {"values": str(values)}}, draw)


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "records", tmp_path / "work")


@pytest.fixture
def main(ledger):
    def options(parser):
        parser.add_argument("--factor", type=int, default=3)

    benchmark = Benchmark("counting", "Counts.", jobs, summary, options)
    return lambda *argv: benchmark.main(argv, ledger)


def test_plan_run_table(main, ledger, capsys):
    ledger.folder.with_name("page.md").write_text("<!-- values -->\n<!-- end values -->\n")
    assert main("plan") == 0
    assert capsys.readouterr().out == "missing  first\n"
    assert main("run", "--factor", "2") == 0
    assert main("plan") == 0
    assert capsys.readouterr().out.endswith("done     first\ndone     next\n")
    assert main("table") == 0
    assert read_json(ledger.folder / "table.json") == {"first": 2, "next": 3}
    assert (ledger.folder / "plot.png").read_bytes() == b"drawn"
    assert "{'first': 2, 'next': 3}" in ledger.folder.with_name("page.md").read_text()
    assert "table" not in ledger.results()


def test_bad_input_is_one_line(main, capsys):
    assert main("run", "--only", "last") == 2
    assert capsys.readouterr().err == (
        "benchmarks.counting: --only last: no job has such a name; there are first, ...\n"
    )
    assert main("run", "--processes", "0") == 2
    assert "--processes is 0; give 1 or more" in capsys.readouterr().err


def test_a_pattern_picks(main, ledger):
    assert main("run", "--only", "f*") == 0
    assert list(ledger.results()) == ["first"]


@pytest.mark.parametrize("name", [*BENCHMARKS, "tables"])
def test_help_is_instant(name):
    module = f"benchmarks.{name}.__main__" if name in BENCHMARKS else f"benchmarks.{name}"
    code = f"import sys, {module}; print(*sys.modules.keys() & {{'torch', 'cv2'}})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""


@pytest.mark.parametrize("name", [*BENCHMARKS, "tables"])
def test_docs_and_tables_are_made_of_the_records(name):
    """Run `python -m benchmarks.NAME table` where this fails."""
    module = __import__(
        f"benchmarks.{name}.__main__" if name in BENCHMARKS else f"benchmarks.{name}",
        fromlist=["BENCHMARK"],
    )
    summary = module.BENCHMARK.summary(module.BENCHMARK.ledger)
    assert read_json(module.BENCHMARK.ledger.folder / "table.json") == summary.figures
    for page, sections in summary.pages.items():
        for section, body in sections.items():
            assert f"<!-- {section} -->\n{body}\n<!-- end {section} -->" in page.read_text()
    for picture in summary.pictures:
        assert (module.BENCHMARK.ledger.folder / picture).is_file()


@pytest.mark.parametrize("name", BENCHMARKS)
def test_processes_can_import_the_work_of_every_job(name: str) -> None:
    """A spawned process does not import a package's `__main__`."""
    module = ast.parse((ROOT / "benchmarks" / name / "__main__.py").read_text())
    functions = [node for node in module.body if isinstance(node, ast.FunctionDef)]
    assert [f.name for f in functions if [a.arg for a in f.args.args] == ["job", "ledger"]] == []
