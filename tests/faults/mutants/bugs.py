"""A seeded bug: a text file whose header describes the bug, what it breaks, and the hunter that must find it.

Bug: one sentence.
Breaks: the kinds of findings that catch it: I1-I16 of the checker, or of the explorer's expectations `end`, `cancel`,
        `late`, `still` (tests/faults/mutants/findings.py); one of them is enough.
Hunt: `explore` or `chaos` with arguments, or `test` with the id of a test, whose failure is a finding of the kind
      `test`; several such lines are tried in order until one finds the bug.
Patience: the seconds after which the explorer gives up a case that doesn't end; by default 45.

Below the header are the edits: a line `[as it is]` with text that occurs once in the code, in any file, so that moved
code still matches; then a line `[with the bug]` with the replacement.
"""

import re
import shlex
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.faults.mutants.copies import Edit
from tests.faults.mutants.findings import KINDS

SEEDED = Path(__file__).parent / "seeded"
HUNTERS = frozenset({"explore", "chaos", "test"})
PATIENCE = 45
BEFORE, AFTER = "[as it is]", "[with the bug]"
_LINE = re.compile(r"(Bug|Breaks|Hunt|Patience): (.+)")


@dataclass(frozen=True)
class Hunt:
    """A hunter and its command line arguments."""

    hunter: str
    arguments: tuple[str, ...]

    def __str__(self) -> str:
        return shlex.join([self.hunter, *self.arguments])


@dataclass(frozen=True)
class Bug:
    """A seeded bug."""

    path: Path
    sentence: str
    edits: tuple[Edit, ...]
    breaks: frozenset[str]
    hunts: tuple[Hunt, ...]
    patience: int

    @property
    def name(self) -> str:
        """The name of the bug's file."""
        return self.path.stem


def bugs(names: list[str] | None = None) -> list[Bug]:
    """Return the bugs with these names, or all; raise ValueError for an unknown name or a wrong header."""
    known = {path.stem: path for path in sorted(SEEDED.glob("*.txt"))}
    unknown = set(names or ()) - known.keys()
    if unknown:
        raise ValueError(f"NAME: there is no bug {', '.join(sorted(unknown))}; use one of {', '.join(known)}")
    return [read(known[name]) for name in names or known]


def read(path: Path) -> Bug:
    """Return the bug in a file; raise ValueError when its header is wrong."""
    fields: dict[str, list[str]] = defaultdict(list)
    for name, text in _header(path):
        fields[name].append(text.strip())
    for name in ("Bug", "Breaks", "Hunt"):
        if not fields[name]:
            raise ValueError(f"{path.name}: the header lacks a line {name}:")
    breaks = frozenset(kind.strip() for kind in fields["Breaks"][0].split(","))
    if unknown := breaks - KINDS:
        raise ValueError(f"{path.name}: Breaks: no invariant or expectation is called {', '.join(sorted(unknown))}")
    hunts = tuple(Hunt(first, tuple(rest)) for first, *rest in map(shlex.split, fields["Hunt"]))
    if not all(hunt.hunter in HUNTERS and hunt.arguments for hunt in hunts):
        raise ValueError(f"{path.name}: Hunt: use explore, chaos or test, with arguments")
    return Bug(path, fields["Bug"][0], _edits(path), breaks, hunts, int((fields["Patience"] or [str(PATIENCE)])[0]))


def _header(path: Path) -> Iterator[tuple[str, str]]:
    header, found, _ = path.read_text().partition(f"\n{BEFORE}\n")
    if not found:
        raise ValueError(f"{path.name}: has no edit")
    for line in header.splitlines():
        if match := _LINE.fullmatch(line):
            yield match[1], match[2]
        elif line.strip():
            raise ValueError(f"{path.name}: unknown line {line!r} in the header")


def _edits(path: Path) -> tuple[Edit, ...]:
    _, *edits = path.read_text().split(f"\n{BEFORE}\n")
    halves = [edit.partition(f"\n{AFTER}") for edit in edits]
    if not all(found for _, found, _ in halves):
        raise ValueError(f"{path.name}: an edit lacks the line {AFTER}")
    return tuple(Edit(before.strip("\n"), after.strip("\n")) for before, _, after in halves)
