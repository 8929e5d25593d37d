"""Idempotency keys: no two steps of any two processes have the same one."""

from string import Formatter

# The name of a saga's last call in its key.
CLOSE = "close"


def between_of(key: str) -> str:
    """Return the text between {process} and {step} in the format of a saga's keys; raise ValueError for another one."""
    parts = [*Formatter().parse(key), ("", None, None, None)]
    names = [(name, spec, turn) for _, name, spec, turn in parts if name is not None]
    if sorted(names) != [("process", "", None), ("step", "", None)]:
        raise ValueError("must be made of {process} and {step}, once each, the same in every run")
    if not parts[1][0]:
        raise ValueError("must have a character between {process} and {step}: other keys would be the same")
    return parts[1][0]


def name_problem(name: str, taken: set[str], between: str) -> str | None:
    """Return why a step can't have this name, or None: its key would be that of another step or process."""
    if not name:
        return "its name is empty"
    if name in taken:
        return "its name is used twice" if name != CLOSE else "close is the name of the saga's last call"
    if set(between) & set(name):
        return f"its name can't have a character of {between!r}, which ends the process in a key"
    return None
