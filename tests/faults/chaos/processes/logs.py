"""What the processes of a run wrote: of the workers what they warn of, of the servers what may never happen."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.faults.chaos.processes.crew import End
from tests.faults.evidence.evidence import LogLine

# Of what is said again and again, so many are kept: the rest is only counted.
OF_A_KIND = 50
LEVELS = {"warning": "WARNING", "error": "ERROR", "critical": "CRITICAL"}
# A worker that is started while a server is away says so in one line, and is started again.
CANT_START = "error: "
# What the faults themselves make the SDK say, and why it is no fault of ours.
EXCUSED = (
    "[TMPRL1101] Potential deadlock",  # a process that was stopped: by its clock a workflow stood still
    # a failed attempt and a cancel in one activation: the SDK hears the cancel, and asyncio misses the failure
    "Future exception was never retrieved\nfuture: <Future finished exception=ActivityError(",
    "Invalid transition while handling update response",  # a server that was killed sends an accepted update again
)
PANICS = {"temporal.log": ("panic:", "fatal error:"), "postgres.log": ("PANIC:",)}


def read_logs(folder: Path, ends: list[End]) -> tuple[tuple[LogLine, ...], Counter[str]]:
    """Return what was logged at WARNING or above, and how often each thing was said, and excused."""
    said: Counter[str] = Counter()
    kept = []
    for line in _all_lines(folder, ends):
        if excuse := next((words for words in EXCUSED if words in line.text), None):
            said[f"excused: {excuse}"] += 1
            continue
        kind = f"{line.level} {line.text[:60]}"
        said[kind] += 1
        if line.level != "WARNING" or said[kind] <= OF_A_KIND:
            kept.append(line)
    return tuple(kept), said


def _all_lines(folder: Path, ends: list[End]) -> Iterator[LogLine]:
    for log in sorted(folder.glob("*.log")):
        yield from (_line(log.stem, text) for text in _texts(log))
    for name, words in PANICS.items():
        log = folder / "data" / name
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        yield from (LogLine(log.stem, "ERROR", text) for text in lines if any(word in text for word in words))
    for end in ends:
        yield LogLine(end.post, "ERROR", f"ended unexpectedly with {end.code} at {end.at:.0f}")


def _texts(log: Path) -> Iterator[str]:
    with log.open(errors="replace") as lines:
        yield from (line.rstrip("\n") for line in lines if line.strip())


def _line(source: str, text: str) -> LogLine:
    """A line as our logs write it; anything else was written to stderr past them."""
    try:
        fields = json.loads(text)
        level, event = LEVELS[fields.pop("level")], fields.pop("event")
    except (ValueError, KeyError, TypeError, AttributeError):
        return LogLine(source, "WARNING" if text.startswith(CANT_START) else "ERROR", text)
    return LogLine(source, level, f"{event} {json.dumps(fields, sort_keys=True)}")
