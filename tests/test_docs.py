"""What the docs show works as it stands: snippets, commands, options, params, links, the site."""

import json
import os
import re
import shlex
import subprocess
import sys
from argparse import ArgumentParser
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml
from nbclient import NotebookClient

from stages.changes import overrides
from stages.cli import COMMANDS
from stages.params import load, lookup

ROOT = Path(__file__).parents[1]
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text()
    for path in [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").glob("*.md"),
        ROOT / "fbnet/pretrained/README.md",
        ROOT / "fbnet/costs/kit/files/README.md",
        ROOT / "tests/golden/README.md",
        ROOT / "data/README.md",
    ]
}
TEXT = "\n".join(PAGES.values())
OLD = {"CHANGELOG.md"}
"""Pages that name what is no longer there."""
FILES = (".npy", ".json", ".txt", ".csv", ".py", ".md", ".db", ".html")
"""Endings of what is no param."""
CODE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
INDENTED = re.compile(r"(?:(?<=\n\n)(?: {4}\S.*\n(?: {4}.*\n)*))")


def snippets(page: str, language: str) -> list[str]:
    return [body for kind, body in CODE.findall(PAGES[page]) if kind == language]


@cache
def shell_lines() -> list[tuple[str, list[str]]]:
    """(page, words) of each command in shell snippets, indented ones and code spans."""
    lines = []
    for page, text in PAGES.items():
        if page in OLD:
            continue
        blocks = [*snippets(page, "sh"), *(re.sub("^ {4}", "", b) for b in INDENTED.findall(text))]
        joined = "\n".join(blocks).replace("\\\n", " ")
        commands = [part for line in joined.splitlines() for part in re.split(r"&&|\|", line)]
        commands += re.findall(r"`((?:fbnet|make|python -m|dvc) [^`]+)`", CODE.sub("", text))
        for command in commands:
            try:
                words = shlex.split(command, comments=True)
            except ValueError:  # a sentence with an apostrophe
                continue
            lines += [(page, words)] if words else []
    return lines


def commands_of(*start: str) -> list[Any]:
    """Distinct commands that begin with these words, as test parameters."""
    found = {
        (page, shlex.join(words)): words
        for page, words in shell_lines()
        if words[: len(start)] == list(start) and len(words) > len(start)
    }
    return [pytest.param(words, id=f"{page}: {line}"[:90]) for (page, line), words in found.items()]


@pytest.mark.parametrize("words", commands_of("fbnet"))
def test_fbnet_commands_have_these_options(words: list[str]) -> None:
    name, *arguments = words[1:]
    assert name in COMMANDS, words
    parser = ArgumentParser()
    COMMANDS[name](parser)
    options = {option for action in parser._actions for option in action.option_strings}
    given = {word.partition("=")[0] for word in arguments if word.startswith("--")}
    assert given <= options, given - options
    if arguments and arguments[0] != "...":
        parser.parse_args(arguments)


@pytest.mark.parametrize("words", commands_of("make"))
def test_make_targets_exist(words: list[str]) -> None:
    makefile = (ROOT / "Makefile").read_text()
    for word in words[1:]:
        name, equals, _ = word.partition("=")
        if equals:
            assert re.search(rf"^{name} +\?=", makefile, re.MULTILINE) or name in ("SET", "PYTHON")
        elif word != "...":
            assert re.search(rf"^{re.escape(word)}:", makefile, re.MULTILINE), word


@pytest.mark.parametrize("words", [*commands_of("python", "-m"), *commands_of("python")])
def test_python_commands_exist(words: list[str]) -> None:
    if words[1] == "-m":
        module = ROOT / words[2].replace(".", "/")
        known = words[2] in ("pip", "mlflow", "benchmarks.NAME")
        assert known or module.with_suffix(".py").exists() or (module / "__main__.py").exists()
    elif not words[1].startswith("run.py"):  # of a kit
        assert (ROOT / words[1]).exists()


def test_params_that_are_set_exist() -> None:
    params = load(ROOT / "params.yaml").model_dump()
    settings = []
    for page, words in shell_lines():
        for word in words:
            for part in word.removeprefix("SET=").split() if word.startswith("SET=") else [word]:
                if re.match(r"[a-z]+\.[a-z_.]+=", part):
                    settings.append((page, part))
    assert len(settings) > 15
    for page, part in settings:
        key = next(iter(overrides([part.partition(",")[0]])))
        assert lookup(params, key) is not None or _has(params, key), (page, part)


def _has(params: dict[str, Any], key: str) -> bool:
    *outer, last = key.split(".")
    section: Any = params
    for name in outer:
        section = section.get(name, {})
    return last in section


@pytest.mark.parametrize("page", sorted(set(PAGES) - OLD))
def test_params_and_files_that_are_named_exist(page: str) -> None:
    params = load(ROOT / "params.yaml").model_dump()
    sections = "|".join(name for name, value in params.items() if isinstance(value, dict))
    keys = re.findall(rf"`((?:{sections})\.[a-z_.]+)`", PAGES[page])
    missing = [key for key in keys if not (key.endswith(FILES) or _has(params, key))]
    named = re.findall(r"`((?:fbnet|stages|tests|tools|benchmarks|docs)/[\w./-]+)`", PAGES[page])
    missing += [name for name in named if not ((ROOT / name).exists() or "NAME" in name)]
    assert not missing


def run_python(code: str, folder: Path) -> str:
    """Output of a script in `folder`, with this repository's code and neither MLflow nor DVC."""
    hidden = "import sys\nsys.modules.update(mlflow=None, dvc=None)\n"
    script = folder / "snippet.py"
    body = "\n".join(f"    {line}" for line in code.splitlines())
    script.write_text(f"{hidden}if __name__ == '__main__':\n{body}\n")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    run = [sys.executable, str(script)]
    done = subprocess.run(run, cwd=folder, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


FEWER = {
    'FetchParams(root="data")': (
        'FetchParams(root="data", synthetic={"train": 40, "test": 4, "supersampling": 1})'
    ),
    "nas_lr=0.2": "nas_lr=4.0",
    "beta=0.3": "beta=0.3, epochs=3, warmup_epochs=1, min_steps=0, batch=16, arch_batch=4",
}
"""Shorter runs of the README's snippet."""


def test_the_library_snippet_runs_without_mlflow_and_dvc(tmp_path: Path) -> None:
    (tmp_path / "data").symlink_to(ROOT / "data")
    (snippet,) = (code for code in snippets("README.md", "python") if "FetchParams" in code)
    for shown, shorter in FEWER.items():
        assert shown in snippet
        snippet = snippet.replace(shown, shorter)
    check = "assert predicted.shape == (4, 106, 2) and len(choice) == 5\nprint('snippet ran')"
    printed = run_python(f"{snippet}\n{check}", tmp_path)
    assert "snippet ran" in printed and "FaceSet(44 faces of 106 points" in printed


def test_other_python_snippets_are_known_to_this_file() -> None:
    """A page that gains a Python snippet has to gain a test of it, here or elsewhere."""
    pages = {page for page in PAGES if snippets(page, "python")}
    assert pages <= {"README.md", "docs/runs.md", "docs/predict.md"}


@pytest.mark.parametrize("page", [p for p in PAGES if snippets(p, "python")])
def test_python_snippets_import_what_exists(page: str, tmp_path: Path) -> None:
    for snippet in snippets(page, "python"):
        compile(snippet, page, "exec")
        imports = re.findall(
            r"^(?:from fbnet\S* import (?:\(.*?\)|.*)|import fbnet.*)$", snippet, re.M
        )
        if imports:
            run_python("\n".join(imports), tmp_path)


USED = [(page, code) for page in PAGES for code in snippets(page, "python") if "Landmarker" in code]


@pytest.mark.parametrize(("page", "snippet"), USED)
def test_snippets_of_inference_run_on_a_photograph(page: str, snippet: str, tmp_path: Path) -> None:
    from matplotlib.cbook import get_sample_data

    for name in re.findall(r'"([\w.]+\.jpg)"', snippet):
        with get_sample_data("grace_hopper.jpg") as photograph:
            (tmp_path / name).write_bytes(photograph.read())
    assert run_python(snippet, tmp_path).strip(), page


def test_the_space_of_the_readme_is_sound(tmp_path: Path) -> None:
    (shown,) = snippets("README.md", "yaml")
    text = yaml.safe_load((ROOT / "params.yaml").read_text())
    merged = text | yaml.safe_load(shown)
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(merged))
    params = load(path)
    assert params.space == "wide" and len(params.search_space.layer_ops) == 7


def anchors(text: str) -> set[str]:
    """Anchors of a page's headings, as GitHub and MkDocs make them."""
    headings = re.findall(r"^#+ (.*)$", CODE.sub("", text), re.MULTILINE)
    plain = [re.sub(r"[`*]", "", heading).strip().lower() for heading in headings]
    return {re.sub(r"[^\w\s-]", "", heading).replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    folder = (ROOT / page).parent
    for target in re.findall(r"\]\(([^)\s]+)\)", CODE.sub("", PAGES[page])):
        name, _, anchor = target.partition("#")
        if "://" in target:
            continue
        path = (folder / name).resolve() if name else ROOT / page
        assert path.exists(), target
        if anchor:
            assert anchor in anchors(path.read_text()), target


def test_the_readme_shows_a_picture_first_and_has_the_table_of_the_release() -> None:
    from tools.release import section

    text = PAGES["README.md"]
    assert text.splitlines()[2].startswith("![")
    assert section("results").search(text)
    assert section("run").search(PAGES["fbnet/pretrained/README.md"])


def test_the_site_builds_with_every_link_sound() -> None:
    done = subprocess.run(
        [sys.executable, "tools/site.py"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    reference = (ROOT / "site/reference/fbnet.search.html").read_text()
    assert "fbnet.search.loop.Search" in reference and "architecture_step" in reference


FEW = {"TRAIN, TEST = 240, 40": "TRAIN, TEST = 40, 8", "EPOCHS = 12": "EPOCHS = 3"}


def test_the_notebook_runs(tmp_path: Path) -> None:
    text = (ROOT / "notebooks/first_steps.ipynb").read_text()
    for shown, fewer in FEW.items():
        assert shown in text
        text = text.replace(shown, fewer)
    assert not any(cell.get("outputs") for cell in json.loads(text)["cells"])
    notebook = nbformat.reads(text, as_version=4)
    (tmp_path / "data").symlink_to(ROOT / "data")
    first = nbformat.v4.new_code_cell(f"import sys; sys.path.insert(0, {str(ROOT)!r})")
    notebook.cells.insert(0, first)
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    printed = "".join(
        output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", [])
    )
    assert "FaceSet(48 faces" in printed and "the shipped one: NME" in printed
    assert (tmp_path / "first_steps/subnet.onnx").exists()
