"""What is stuck, as lines of text: one block for each group, and each command on a line of its own."""

from cli.output import plain
from client.diagnosis.findings import StuckGroup
from models.moments import moment

# How many names of processes, and how many commands of a group, are printed; `--json` has them all.
NAMES, COMMANDS = 5, 3


def groups_shown(groups: list[StuckGroup]) -> list[str]:
    """Return the lines of all groups; the terminal may wrap a line, but a copied command stays whole."""
    return [plain(line) for group in groups for line in _lines(group)]


def _lines(group: StuckGroup) -> list[str]:
    where = f"{group.step} ({group.direction})" if group.step and group.direction else group.step
    count = f"{group.count} processes" if group.count > 1 else group.processes[0]
    money = f"{' + '.join(map(str, group.at_risk))} at risk" if group.at_risk else None
    since = f"since {moment(group.since)}" if group.since else None
    head = " · ".join(part for part in (group.cause.value, where, count, money, since) if part)
    lines = [head, f"  {group.failure or group.detail}" if group.count > 1 else f"  {group.detail}"]
    if group.count > 1:
        lines.append(f"  {_few(group.processes)}")
    return lines + [f"  {line}" for line in _remedy(group)]


def _few(names: tuple[str, ...]) -> str:
    return ", ".join(names[:NAMES]) + f", … and {len(names) - NAMES} more" * (len(names) > NAMES)


def _remedy(group: StuckGroup) -> list[str]:
    """Return what to do or to know first, then each command."""
    if not group.commands:
        return [group.help]
    first = [f"{group.help}:"] if group.help else []
    left = len(group.commands) - COMMANDS
    more = [f"… and {left} more such commands, which --json lists"] if left > 0 else []
    others = ["or:", *group.alternatives] if group.alternatives else []
    return [*first, *group.commands[:COMMANDS], *more, *others]
