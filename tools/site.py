"""Build the documentation site: `python tools/site.py`, or `make docs`.

The repository's Markdown and what it links to lie in build/docs as they do in the repository, so
that the same links work in both; a page for each package of the library is added. MkDocs checks
every link and anchor (--strict) and writes site/. Its pages open without a server, its search does
not; Mermaid's diagrams are drawn where there is a network, elsewhere their text is shown.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
STAGED = ROOT / "build/docs"
PAGES = {
    "Start": "README.md",
    "Pictures and videos": "docs/predict.md",
    "Runs": "docs/runs.md",
    "Your faces": "docs/data.md",
    "The device": "docs/device.md",
    "The search": "docs/search.md",
    "Rendered faces": "docs/synthetic.md",
    "Training a net": "docs/training.md",
    "A table of trained nets": "docs/nas_table.md",
    "Which search?": "docs/search_methods.md",
    "Against public nets": "docs/headline.md",
    "How the parts fit": "docs/architecture.md",
    "Reliability": "docs/reliability.md",
    "The pretrained model": "fbnet/pretrained/README.md",
    "Contributing": "CONTRIBUTING.md",
    "Changes": "CHANGELOG.md",
}
"""Title -> page; other pages of docs/ follow by the title that they have."""
SUFFIXES = {".md", ".png", ".jpg", ".gif", ".svg", ".ipynb"}
LEFT_OUT = ("tests/", "fbnet/costs/kit/files/", "data/")
"""Folders whose Markdown is not of the documentation."""
REFERENCE = "reference"
LICENSE = "LICENSE"


def main() -> int:
    """Stage and build; returns MkDocs' exit code."""
    shutil.rmtree(STAGED, ignore_errors=True)
    for name in documents():
        target = STAGED / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)
    reference = dict(reference_pages())
    for name, text in reference.items():
        (STAGED / name).parent.mkdir(parents=True, exist_ok=True)
        (STAGED / name).write_text(text)
    known = set(PAGES.values())
    more = sorted(path.name for path in (STAGED / "docs").glob("*.md"))
    nav = [{title: page} for title, page in PAGES.items()]
    nav += [f"docs/{name}" for name in more if f"docs/{name}" not in known]
    nav.append({"Reference": list(reference)})
    config = STAGED.parent / "mkdocs.yml"
    settings = {"INHERIT": str(ROOT / "mkdocs.yml"), "nav": nav}
    settings |= {"docs_dir": str(STAGED), "site_dir": str(ROOT / "site")}
    config.write_text(yaml.safe_dump(settings, sort_keys=False))
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-f", str(config)]
    variables = {"SITE_ROOT": str(ROOT), "NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, cwd=ROOT, env=os.environ | variables).returncode


def documents() -> list[str]:
    """Markdown, pictures and notebooks that git tracks or would add, and the licence."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [
        name
        for name in names.splitlines()
        if (Path(name).suffix in SUFFIXES or name == LICENSE)
        and not name.startswith(LEFT_OUT)
        and (ROOT / name).exists()
    ]


def reference_pages() -> Iterator[tuple[str, str]]:
    """Path and text of a page for each package of the library, with all of its modules."""
    library = ROOT / "fbnet"
    packages = sorted({path.parent for path in library.rglob("__init__.py")})
    for package in packages:
        modules = sorted(path for path in package.glob("[!_]*.py"))
        names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in modules]
        title = ".".join(package.relative_to(ROOT).parts)
        entries = "\n\n".join(f"::: {name}" for name in [title, *names])
        yield f"{REFERENCE}/{title}.md", f"# {title}\n\n{entries}\n"


if __name__ == "__main__":
    sys.exit(main())
