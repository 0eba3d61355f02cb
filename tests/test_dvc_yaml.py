"""dvc.yaml against the import graph: a stage depends on the code that makes its bytes, no more."""

import ast
from pathlib import Path

import grimp
import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
WITHOUT_EFFECT_ON_RESULTS = (
    "fbnet.params",
    "fbnet.plots",
    "fbnet.progress",
    "stages.tracking",
    "stages.runner",
)
"""As dvc.yaml explains; what only these import counts no more than they do."""

PIPELINE = YAML(typ="safe", pure=True).load(ROOT / "dvc.yaml")["stages"]
PARAMS = YAML(typ="safe", pure=True).load(ROOT / "params.yaml")


@pytest.fixture(scope="module")
def graph():
    return grimp.build_graph("fbnet", "stages", exclude_type_checking_imports=True, cache_dir=None)


@pytest.mark.parametrize("stage", PIPELINE)
def test_code_dependencies_are_the_imported_modules(graph, stage):
    stated = [dep for dep in PIPELINE[stage]["deps"] if dep.endswith(".py")]
    needed = [path_of(module) for module in sorted(imported(graph, f"stages.{stage}"))]
    needed = [path for path in needed if holds_code(path)]
    missing, extra = set(needed) - set(stated), set(stated) - set(needed)
    pasted = "\n".join(f"      - {path}" for path in needed)
    assert not missing and not extra, (
        f"dvc.yaml, stage {stage}: add {sorted(missing)}, remove {sorted(extra)}; the whole list:\n"
        f"{pasted}"
    )


@pytest.mark.parametrize("stage", PIPELINE)
def test_stage_command_params_and_outputs_share_its_name(stage):
    entry = PIPELINE[stage]
    assert entry["cmd"] == f"python -m stages.{stage}"
    assert entry["params"][0] == stage
    for out in outputs(entry):
        assert Path(out).parent == Path("results") / stage


@pytest.mark.parametrize("stage", PIPELINE)
def test_tracked_params_are_stated_in_params_yaml(stage):
    for key in PIPELINE[stage]["params"]:
        tree = PARAMS
        for part in key.replace("${space}", PARAMS["space"]).split("."):
            assert part in tree, f"{stage}: {key}"
            tree = tree[part]


def test_every_input_from_results_is_the_output_of_an_earlier_stage():
    made = set()
    for stage, entry in PIPELINE.items():
        for dep in entry["deps"]:
            if dep.startswith("results/"):
                choices = [dep.replace("${search.cost}", cost) for cost in ("macs", "latency")]
                assert made.issuperset(choices), f"{stage}: {dep}"
        made |= set(outputs(entry))


def imported(graph, module):
    """Modules that `module` imports, at once or through others, itself included."""
    found, waiting = set(), [module]
    while waiting:
        name = waiting.pop()
        if name in found or name.startswith(WITHOUT_EFFECT_ON_RESULTS):
            continue
        found.add(name)
        waiting += graph.find_modules_directly_imported_by(name)
        waiting += [name.rpartition(".")[0]] if "." in name else []
    return found


def path_of(module):
    path = Path(*module.split("."))
    plain = path.with_suffix(".py")
    return (plain if (ROOT / plain).exists() else path / "__init__.py").as_posix()


def holds_code(path):
    """Whether a file can change results; a package's `__init__` may hold a mere version."""
    body = ast.parse((ROOT / path).read_text()).body
    idle = (ast.Expr, ast.Assign) if path.endswith("__init__.py") else ast.Expr
    return not all(isinstance(node, idle) for node in body)


def outputs(entry):
    for item in [*entry.get("outs", []), *entry.get("metrics", [])]:
        yield item if isinstance(item, str) else next(iter(item))


@pytest.mark.parametrize("stage", PIPELINE)
def test_every_out_is_cached_so_that_experiments_share_the_run_cache(stage):
    """DVC keeps no run of a stage with an uncached out that is no metric: it would run again."""
    assert all(isinstance(out, str) for out in PIPELINE[stage]["outs"])
