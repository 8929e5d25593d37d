"""A seeded bug: a text whose header says what the bug is, what it breaks, and who is sent to find it.

Bug: one sentence.
Breaks: what must be found wrong: I1-I16 of the checker, or of the explorer's own expectations `end`, `cancel`, `late`,
        `still` (tests/faults/mutants/findings.py); one of them is enough.
Hunt: `explore` or `chaos`, with arguments; there may be several such lines, tried in their order until one finds it.
Patience: after how many seconds the explorer gives a case up that doesn't end; 45 unless said otherwise.

Below stand the edits that make it: a line `[as it is]` and text that stands once in the code, in whatever file, so that
a bug survives moves; then a line `[with the bug]` and what takes its place.
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
HUNTERS = frozenset({"explore", "chaos"})
PATIENCE = 45
BEFORE, AFTER = "[as it is]", "[with the bug]"
_LINE = re.compile(r"(Bug|Breaks|Hunt|Patience): (.+)")


@dataclass(frozen=True)
class Hunt:
    """One hunter and what it is told to look at."""

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
        """Its name, that of its file."""
        return self.path.stem


def bugs(names: list[str] | None = None) -> list[Bug]:
    """Return the bugs of these names, or all; raise ValueError when there is none of a name, or its header is wrong."""
    known = {path.stem: path for path in sorted(SEEDED.glob("*.txt"))}
    unknown = set(names or ()) - known.keys()
    if unknown:
        raise ValueError(f"there is no {', '.join(sorted(unknown))}; known are {', '.join(known)}")
    return [read(known[name]) for name in names or known]


def read(path: Path) -> Bug:
    """Return the bug of a file; raise ValueError when its header is not as it must be."""
    said: dict[str, list[str]] = defaultdict(list)
    for word, text in _header(path):
        said[word].append(text.strip())
    for word in ("Bug", "Breaks", "Hunt"):
        if not said[word]:
            raise ValueError(f"{path.name}: its header has no line {word}:")
    breaks = frozenset(kind.strip() for kind in said["Breaks"][0].split(","))
    if unknown := breaks - KINDS:
        raise ValueError(f"{path.name}: unknown finding {', '.join(sorted(unknown))}")
    hunts = tuple(Hunt(first, tuple(rest)) for first, *rest in map(shlex.split, said["Hunt"]))
    if not all(hunt.hunter in HUNTERS and hunt.arguments for hunt in hunts):
        raise ValueError(f"{path.name}: a hunt is explore or chaos, with arguments")
    return Bug(path, said["Bug"][0], _edits(path), breaks, hunts, int((said["Patience"] or [str(PATIENCE)])[0]))


def _header(path: Path) -> Iterator[tuple[str, str]]:
    header, found, _ = path.read_text().partition(f"\n{BEFORE}\n")
    if not found:
        raise ValueError(f"{path.name}: makes no edit")
    for line in header.splitlines():
        if match := _LINE.fullmatch(line):
            yield match[1], match[2]
        elif line.strip():
            raise ValueError(f"{path.name}: its header says {line!r}, which means nothing")


def _edits(path: Path) -> tuple[Edit, ...]:
    _, *edits = path.read_text().split(f"\n{BEFORE}\n")
    halves = [edit.partition(f"\n{AFTER}") for edit in edits]
    if not all(found for _, found, _ in halves):
        raise ValueError(f"{path.name}: an edit has no line {AFTER}")
    return tuple(Edit(before.strip("\n"), after.strip("\n")) for before, _, after in halves)
