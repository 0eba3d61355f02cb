"""Which code a run was made with."""

import subprocess

OWN_CODE = ("--", ".", *(f":(exclude){name}" for name in ("dvc.lock", "params.yaml", "results")))
"""The pipeline itself rewrites dvc.lock and results/; params are recorded by value."""


def commit() -> str | None:
    """The git commit that is checked out; None without git or without a commit."""
    return _git("rev-parse", "HEAD")


def changes() -> str:
    """What differs from the commit in tracked files, as a diff, and the untracked files' names."""
    diff = _git("diff", "HEAD", *OWN_CODE) or ""
    untracked = _git("ls-files", "--others", "--exclude-standard", *OWN_CODE) or ""
    return "\n".join([diff, *(f"untracked: {name}" for name in untracked.splitlines())]).strip()


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, errors="replace")
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
