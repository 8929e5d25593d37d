"""Copies of the working tree to seed bugs in: the current state of the files that git knows, and nothing else."""

import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from runtime.settings import PROJECT
from tests.architecture.packages import ENTRY_POINTS, PACKAGES


class DoesNotApply(Exception):
    """A seeded bug no longer fits the code; the message quotes the text that was not found once."""


@dataclass(frozen=True)
class Edit:
    """A text that occurs once in the code, in any file, and its replacement."""

    before: str
    after: str


def copy_tree(into: Path) -> Path:
    """Copy the working tree into a new folder."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        source, target = PROJECT / name, into / name
        if source.is_file():  # git lists a deleted file until its deletion is committed
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    return into


def spoil(folder: Path, edits: Iterable[Edit]) -> None:
    """Apply edits to the code in a folder; raise DoesNotApply."""
    for edit in edits:
        path = place_of(edit, folder)
        path.write_text(path.read_text().replace(edit.before, edit.after))


def place_of(edit: Edit, folder: Path = PROJECT) -> Path:
    """Return the file with the text of an edit; raise DoesNotApply unless the text occurs exactly once.

    Files may move: the search goes by text, not by path.
    """
    code = [folder / f"{name}.py" for name in ENTRY_POINTS]
    code += [path for package in sorted(PACKAGES) for path in sorted((folder / package).rglob("*.py"))]
    found = [path for path in code for _ in range(path.read_text().count(edit.before))]
    if len(found) != 1:
        places = ", ".join(str(path.relative_to(folder)) for path in found) or "nowhere"
        raise DoesNotApply(f"found {len(found)} times ({places}): {edit.before!r}")
    return found[0]
