"""Which code is at work: its commit, and what differs from it."""

import os
import subprocess
from pathlib import Path

from fbnet.errors import BadInput
from stages.results import Results

PACKAGES = ("fbnet", "stages")
CODE = (*PACKAGES, ":(exclude)fbnet/pretrained")
"""What makes a model; commits of other files (docs, dvc.lock) do not change it."""
WRITTEN = ("dvc.lock", "params.yaml", Results().root.as_posix())
OWN = ("--", ".", *(f":(exclude){name}" for name in WRITTEN))
"""The pipeline itself rewrites dvc.lock and results/; params are recorded by value."""
OF_ANOTHER = "dubious ownership"
"""What git says of a repository that another user owns, as one mounted into a container."""


def git(*arguments: str, root: str | Path = ".") -> str | None:
    """What a git command prints; None where it fails, as outside a repository or without git.

    Raises BadInput for a repository of another owner, which git does not open until it is told to.
    """
    command, plain = ["git", "-C", str(root), *arguments], os.environ | {"LC_ALL": "C"}
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", env=plain)
    except OSError:
        return None
    if done.returncode == 0:
        return done.stdout.strip()
    if OF_ANOTHER in done.stderr:
        told = [line.strip() for line in done.stderr.splitlines()]
        remedy = next((line for line in told if line.startswith("git config")), "make it yours")
        raise BadInput(f"git: {told[0].removeprefix('fatal: ')}; {remedy}")
    return None


def is_repository() -> bool:
    """Whether the working folder lies in a git repository."""
    return git("rev-parse", "--git-dir") is not None


def commit() -> str | None:
    """The git commit that is checked out; None without git or without a commit."""
    return git("rev-parse", "HEAD")


def changes() -> str:
    """What differs from the commit in tracked files, as a diff, and the untracked files' names."""
    diff = git("diff", "HEAD", *OWN) or ""
    untracked = git("ls-files", "--others", "--exclude-standard", *OWN) or ""
    return "\n".join([diff, *(f"untracked: {name}" for name in untracked.splitlines())]).strip()


def code_commit(root: str | Path = ".") -> str:
    """The last commit that touched the code, with "-dirty" when there are uncommitted changes.

    Not HEAD: committing dvc.lock, a text or the pretrained files after a run must not change the
    model's bytes, or a clone could never reproduce them. "unknown" outside a git repository.
    """
    last = git("log", "-1", "--format=%H", "--", *CODE, root=root)
    dirty = git("status", "--porcelain", "--", *CODE, root=root)
    if last is None or dirty is None:
        return "unknown"
    return (last or "unknown") + ("-dirty" if dirty else "")
