"""Who imports whom, where the contracts of import-linter cannot see it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted([*ROOT.glob("fbnet/**/*.py"), *ROOT.glob("stages/**/*.py")])


def imports(path):
    """Names of all imported modules, also those imported inside functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module


def test_the_contracts_hold():
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_mlflow_is_for_tracking_alone_and_dvc_for_nobody(path):
    roots = {name.partition(".")[0] for name in imports(path)}
    assert "dvc" not in roots
    assert "mlflow" not in roots or path.is_relative_to(ROOT / "stages" / "tracking")


@pytest.mark.parametrize(
    "module", ["stages.cli", "fbnet.params", "stages.params", "stages.tracking", "stages.runner"]
)
def test_importing_it_loads_nothing_heavy(module):
    heavy = {"torch", "cv2", "mlflow", "onnx", "onnxruntime", "matplotlib", "scipy"}
    code = f"import sys, {module}; print(*sorted(sys.modules.keys() & {heavy}))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""
