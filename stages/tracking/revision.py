"""Which code a run was made with."""

import subprocess
from pathlib import Path

OWN_CODE = ("--", ".", *(f":(exclude){name}" for name in ("dvc.lock", "params.yaml", "results")))
"""The pipeline itself rewrites dvc.lock and results/; params are recorded by value."""
CODE = ("fbnet", "stages", ":(exclude)fbnet/pretrained")
"""What makes a model; commits of other files (docs, dvc.lock) do not change it."""


def commit() -> str | None:
    """The git commit that is checked out; None without git or without a commit."""
    return _git("rev-parse", "HEAD")


def changes() -> str:
    """What differs from the commit in tracked files, as a diff, and the untracked files' names."""
    diff = _git("diff", "HEAD", *OWN_CODE) or ""
    untracked = _git("ls-files", "--others", "--exclude-standard", *OWN_CODE) or ""
    return "\n".join([diff, *(f"untracked: {name}" for name in untracked.splitlines())]).strip()


def code_commit(root: str | Path = ".") -> str:
    """The last commit that touched the code, with "-dirty" when there are uncommitted changes.

    Not HEAD: committing dvc.lock, a text or the pretrained files after a run must not change the
    model's bytes, or a clone could never reproduce them. "unknown" outside a git repository.
    """
    at = ("-C", str(root))
    commit = _git(*at, "log", "-1", "--format=%H", "--", *CODE)
    dirty = _git(*at, "status", "--porcelain", "--", *CODE)
    if commit is None or dirty is None:
        return "unknown"
    return (commit or "unknown") + ("-dirty" if dirty else "")


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, errors="replace")
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
