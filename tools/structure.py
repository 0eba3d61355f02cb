"""The structure of the code in figures: `python tools/structure.py [ROOT]`.

Prints for each package its modules and lines, then the modules under 60 lines, private helpers that
are used once, Python files that dvc.yaml lists, and literals of results paths in the library.
"""

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

SHORT_MODULE, SHORT_HELPER = 60, 6
"""Lines: a module below the first and a helper up to the second are counted as short."""


def main(root: Path) -> None:
    """Print the figures of the checkout at `root`."""
    modules = [
        path
        for top in ("fbnet", "stages", "benchmarks")
        for path in sorted((root / top).rglob("*.py"))
    ]
    lines = {path: len(path.read_text().splitlines()) for path in modules}
    packages: dict[str, list[int]] = {}
    for path in modules:
        parts = path.relative_to(root).parts
        packages.setdefault("/".join(parts[:2]) if len(parts) > 2 else parts[0], []).append(
            lines[path]
        )
    print(f"{'package':24} modules  lines")
    for name, counts in packages.items():
        print(f"{name:24} {len(counts):7} {sum(counts):6}")
    print(f"{'all':24} {len(modules):7} {sum(lines.values()):6}")
    print(f"modules under {SHORT_MODULE} lines: {sum(n < SHORT_MODULE for n in lines.values())}")
    once = list(used_once(modules))
    short = sum(length <= SHORT_HELPER for length in once)
    print(f"private helpers used once: {len(once)}, {short} of {SHORT_HELPER} lines or shorter")
    listed = re.findall(r"^\s+- \S+\.py\s*$", (root / "dvc.yaml").read_text(), re.MULTILINE)
    print(f"Python files listed in dvc.yaml: {len(listed)}")
    library = [path.read_text() for path in modules if path.is_relative_to(root / "fbnet")]
    literals = sum(len(re.findall(r"""["'/ ]results(?=/)|["']results["']""", t)) for t in library)
    print(f"results paths in the library: {literals}")


def used_once(modules: list[Path]) -> Iterator[int]:
    """Lines of each private function or method whose name stands once beside its definition."""
    for path in modules:
        tree = ast.parse(path.read_text())
        names = Counter(
            node.id if isinstance(node, ast.Name) else node.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Name | ast.Attribute)
        )
        for node in ast.walk(tree):
            if not isinstance(node, ast.FunctionDef) or node.name.startswith("__"):
                continue
            if node.name.startswith("_") and names[node.name] == 1:
                yield (node.end_lineno or node.lineno) - node.lineno + 1


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
