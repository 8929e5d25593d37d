"""Copies of the working tree, to be spoilt: the files that git knows of, as they are now, and nothing else."""

import os
import shutil
import subprocess
from pathlib import Path

from runtime.settings import PROJECT


class DoesNotApply(Exception):
    """A patch no longer fits the code; the message says where."""


def copy_tree(into: Path) -> Path:
    """Copy the working tree into a new folder."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, check=True, capture_output=True).stdout  # noqa: S607 - git is where the system has it
    for name in filter(None, listed.decode().split("\0")):
        source, target = PROJECT / name, into / name
        if source.is_file():  # what was deleted is still listed until that is committed
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    return into


def patch(folder: Path, diff: Path, *, check: bool = False) -> None:
    """Apply a unified diff to a folder, or only look whether it fits; raise DoesNotApply."""
    command = ["git", "apply", *(["--check"] if check else []), str(diff.resolve())]
    # Where the folder lies inside of somebody's repository, that is none of git's business.
    environ = os.environ | {"GIT_CEILING_DIRECTORIES": str(folder.resolve().parent)}
    ran = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        raise DoesNotApply(f"{diff.name} no longer applies: {' '.join(ran.stderr.split())}")
