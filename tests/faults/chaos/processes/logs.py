"""Reads the logs of a run: the workers' warnings and errors, and the servers' panics."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.faults.chaos.processes.crew import End
from tests.faults.evidence.evidence import LogLine

# The maximum of kept lines of one warning; the rest is only counted.
OF_A_KIND = 50
LEVELS = {"warning": "WARNING", "error": "ERROR", "critical": "CRITICAL"}
# A worker that starts during a server's outage prints one line and is restarted.
CANT_START = "error: "
# SDK messages that the faults themselves cause.
EXCUSED = (
    "[TMPRL1101] Potential deadlock",  # a stopped process: by its clock a workflow was blocked
    # a failed attempt and a cancel in one activation: the SDK handles the cancel, and nothing retrieves the failure
    "Future exception was never retrieved\nfuture: <Future finished exception=ActivityError(",
    "Invalid transition while handling update response",  # a killed server sends an accepted update again
)
PANICS = {"temporal.log": ("panic:", "fatal error:"), "postgres.log": ("PANIC:",)}


def read_logs(folder: Path, ends: list[End]) -> tuple[tuple[LogLine, ...], Counter[str]]:
    """Return the lines at WARNING or above, and the counts of each line and each excuse."""
    counts: Counter[str] = Counter()
    kept = []
    for line in _all_lines(folder, ends):
        if excuse := next((words for words in EXCUSED if words in line.text), None):
            counts[f"excused: {excuse}"] += 1
            continue
        kind = f"{line.level} {line.text[:60]}"
        counts[kind] += 1
        if line.level != "WARNING" or counts[kind] <= OF_A_KIND:
            kept.append(line)
    return tuple(kept), counts


def _all_lines(folder: Path, ends: list[End]) -> Iterator[LogLine]:
    for log in sorted(folder.glob("*.log")):
        yield from (_line(log.stem, text) for text in _texts(log))
    for name, words in PANICS.items():
        log = folder / "data" / name
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        yield from (LogLine(log.stem, "ERROR", text) for text in lines if any(word in text for word in words))
    for end in ends:
        yield LogLine(end.post, "ERROR", f"ended unexpectedly with code {end.code} at {end.at:.0f}")


def _texts(log: Path) -> Iterator[str]:
    with log.open(errors="replace") as lines:
        yield from (line.rstrip("\n") for line in lines if line.strip())


def _line(source: str, text: str) -> LogLine:
    """Parse a line of the product's JSON log; any other line was written to stderr directly."""
    try:
        fields = json.loads(text)
        level, event = LEVELS[fields.pop("level")], fields.pop("event")
    except (ValueError, KeyError, TypeError, AttributeError):
        return LogLine(source, "WARNING" if text.startswith(CANT_START) else "ERROR", text)
    return LogLine(source, level, f"{event} {json.dumps(fields, sort_keys=True)}")
