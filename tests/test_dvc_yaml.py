"""dvc.yaml against the import graph: a stage depends on the code that makes its bytes."""

import ast
import re
from pathlib import Path

import grimp
import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
WITHOUT_EFFECT_ON_RESULTS = (
    "fbnet.errors",
    "fbnet.params",
    "fbnet.plots",
    "fbnet.processes",
    "fbnet.progress",
    "fbnet.registry",
    "fbnet.tables",
    "stages.params",
    "stages.results",
    "stages.runner",
    "stages.tracking",
)
"""As dvc.yaml explains; what only these import counts no more than they do."""
ENTRY = re.compile(r"((?:fbnet|stages)(?:\.\w+)+)(?::\w+)?")
"""How a registry names an implementation that it imports later."""

PIPELINE = YAML(typ="safe", pure=True).load(ROOT / "dvc.yaml")["stages"]
CODE = re.compile(r"(fbnet|stages)/")


@pytest.fixture(scope="module")
def graph():
    return grimp.build_graph("fbnet", "stages", exclude_type_checking_imports=True, cache_dir=None)


@pytest.mark.parametrize("stage", PIPELINE)
def test_code_dependencies_cover_the_imported_modules_and_nothing_else(graph, stage):
    stated = [dep for dep in PIPELINE[stage]["deps"] if CODE.match(dep)]
    needed = sorted(path_of(module) for module in imported(graph, f"stages.{stage}"))
    needed = [path for path in needed if holds_code(path)]
    missing = [path for path in needed if not any(covers(dep, path) for dep in stated)]
    idle = [dep for dep in stated if not any(covers(dep, path) for path in needed)]
    assert not missing and not idle, f"dvc.yaml, stage {stage}: add {missing}, remove {idle}"
    assert stated == sorted(set(stated)), f"dvc.yaml, stage {stage}: keep the lists sorted"


@pytest.mark.parametrize("stage", PIPELINE)
def test_stage_command_params_and_outputs_share_its_name(stage):
    entry = PIPELINE[stage]
    assert entry["cmd"] == f"python -m stages.{stage}"
    assert entry["params"][0] == stage
    for out in outputs(entry):
        assert Path(out).parent == Path("results") / stage


@pytest.mark.parametrize("stage", PIPELINE)
def test_tracked_params_are_in_the_schema(stage):
    from stages.params import Params

    for key in PIPELINE[stage]["params"]:
        tree = Params().model_dump()
        for part in key.replace("${space}", Params().space).split("."):
            assert part in tree, f"{stage}: {key}"
            tree = tree[part]


def test_every_input_from_results_is_the_output_of_an_earlier_stage():
    written = set()
    for stage, entry in PIPELINE.items():
        for dep in entry["deps"]:
            if dep.startswith("results/"):
                choices = [dep.replace("${search.cost}", cost) for cost in ("macs", "latency")]
                assert written.issuperset(choices), f"{stage}: {dep}"
        written |= set(outputs(entry))


def imported(graph, module):
    """Modules that `module` imports, at once or through others and registries, itself included."""
    known, waiting = set(), [module]
    while waiting:
        name = waiting.pop()
        if name in known or name.startswith(WITHOUT_EFFECT_ON_RESULTS):
            continue
        known.add(name)
        waiting += graph.find_modules_directly_imported_by(name)
        # The top packages hold a version and names that are imported when they are asked for.
        waiting += [name.rpartition(".")[0]] if name.count(".") > 1 else []
    return known


def path_of(module):
    path = Path(*module.split("."))
    plain = path.with_suffix(".py")
    return (plain if (ROOT / plain).exists() else path / "__init__.py").as_posix()


def covers(dep, path):
    return path == dep or path.startswith(f"{dep}/")


def holds_code(path):
    """Whether a file can change results; a package's `__init__` may hold a mere version."""
    body = ast.parse((ROOT / path).read_text()).body
    idle = (ast.Expr, ast.Assign) if path.endswith("__init__.py") else ast.Expr
    return not all(isinstance(node, idle) for node in body)


@pytest.mark.parametrize("stage", PIPELINE)
def test_whoever_depends_on_a_registry_depends_on_its_entries(stage):
    stated = [dep for dep in PIPELINE[stage]["deps"] if CODE.match(dep)]
    for path in sorted((ROOT / "fbnet").rglob("__init__.py")):
        where = path.relative_to(ROOT).as_posix()
        if not any(covers(dep, where) for dep in stated):
            continue
        strings = [
            node.value
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        for module in (match[1] for text in strings if (match := ENTRY.fullmatch(text))):
            entry = path_of(module)
            assert any(covers(dep, entry) for dep in stated), f"{stage}: {where} names {entry}"


def outputs(entry):
    for item in [*entry.get("outs", []), *entry.get("metrics", [])]:
        yield item if isinstance(item, str) else next(iter(item))


@pytest.mark.parametrize("stage", PIPELINE)
def test_every_out_is_cached_so_that_experiments_share_the_run_cache(stage):
    """DVC keeps no run of a stage with an uncached out that is no metric: it would run again."""
    assert all(isinstance(out, str) for out in PIPELINE[stage]["outs"])
