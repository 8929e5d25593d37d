"""Carry the seeded bugs over to code that moved: python -m tests.faults.mutants.port BASE [NAME...].

BASE is a commit at which the patches apply. Each is committed there, cherry-picked onto HEAD, which follows files that
were renamed, and written anew from what came of it. One that conflicts is named, and left as it is, to be done by hand.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from runtime.settings import PROJECT
from tests.faults.mutants.bugs import Bug, bugs
from tests.faults.mutants.copies import DoesNotApply, patch

AUTHOR = ("-c", "user.name=mutants", "-c", "user.email=mutants@localhost")
# A file that was split is still recognised by what is left of it.
FOLLOW = ("-X", "find-renames=30")


def main(arguments: Sequence[str]) -> int:
    """Port the patches; return 0 when each of them fits now, else 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.mutants.port", description=__doc__)
    parser.add_argument("base", metavar="BASE", help="a commit at which the patches apply")
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these bugs")
    asked = parser.parse_args(arguments)
    if git(PROJECT, "status", "--porcelain", "--untracked-files=no"):
        sys.stderr.write("error: commit first: the patches are carried over to HEAD\n")
        return 2
    left = [bug.name for bug in bugs(asked.names) if not (fits(bug) or ported(bug, asked.base))]
    sys.stdout.write(f"by hand: {', '.join(left)}\n" if left else "all of them fit\n")
    return int(bool(left))


def fits(bug: Bug) -> bool:
    """Tell whether a patch applies as it is."""
    try:
        patch(PROJECT, bug.path, check=True)
    except DoesNotApply:
        return False
    return True


def ported(bug: Bug, base: str) -> bool:
    """Write a patch anew for HEAD; return False, and leave it, when git can't merge it."""
    with tempfile.TemporaryDirectory(prefix="port-") as folder:
        copy = Path(folder) / "copy"
        git(PROJECT, "worktree", "add", "--quiet", "--detach", str(copy), base)
        try:
            patch(copy, bug.path)
            git(copy, *AUTHOR, "commit", "--quiet", "--all", "--no-verify", "--message", bug.name)
            spoilt = git(copy, "rev-parse", "HEAD")
            git(copy, "checkout", "--quiet", "--detach", git(PROJECT, "rev-parse", "HEAD"))
            git(copy, *AUTHOR, "cherry-pick", *FOLLOW, spoilt)
            made = git(copy, "diff", "--no-renames", "HEAD~1", "HEAD")
        except (subprocess.CalledProcessError, DoesNotApply):
            return False
        finally:
            git(PROJECT, "worktree", "remove", "--force", str(copy))
    header, _, _ = bug.path.read_text().partition("\n--- a/")
    # An empty line of context stands in the files without the blank before it.
    lines = ["" if line == " " else line for line in made.splitlines()]
    lines = [line for line in lines if not line.startswith(("diff --git ", "index "))]
    bug.path.write_text("\n".join([header, *lines, ""]))
    return True


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder and return what it printed; raise CalledProcessError."""
    command = ["git", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip("\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
