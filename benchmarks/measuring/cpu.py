"""The processor time of groups of processes, from /proc, ended children included."""

import os
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def parse(stat: str) -> tuple[int, int]:
    """Return the parent and the clock ticks in a line of /proc/PID/stat, ended children included."""
    fields = stat.rpartition(")")[2].split()  # a command's name may contain blanks and brackets
    return int(fields[1]), sum(int(ticks) for ticks in fields[11:15])


def table() -> dict[int, tuple[int, int]]:
    """Return every process of this machine: pid → its parent and its ticks."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                found[int(entry.name)] = parse((entry / "stat").read_text())
            except (FileNotFoundError, ProcessLookupError):
                continue  # the process has just ended
    return found


def seconds(roots: Iterable[int], processes: dict[int, tuple[int, int]] | None = None) -> float:
    """Return the CPU seconds of these processes and of all their children."""
    known = table() if processes is None else processes
    below = defaultdict(list)
    for pid, (parent, _) in known.items():
        below[parent].append(pid)
    waiting, ticks = [pid for pid in roots if pid in known], 0
    while waiting:
        pid = waiting.pop()
        ticks += known[pid][1]
        waiting += below[pid]
    return ticks / TICKS


def by_role(roles: dict[str, list[int]]) -> dict[str, float]:
    """Return the CPU seconds of each role, from one reading of /proc."""
    processes = table()
    return {role: seconds(roots, processes) for role, roots in roles.items()}
