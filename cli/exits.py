"""How a command ends: an exit code, and one line on stderr."""

from enum import IntEnum

from typer import TyperException

from models.errors import (
    AlreadyUndone,
    Conflict,
    Final,
    InvalidInput,
    NotFound,
    OrderRejected,
    Unavailable,
    WorkflowGone,
    WrongInstallation,
)


class Code(IntEnum):
    """The exit codes of every command."""

    DONE = 0
    UNEXPECTED = 1
    USAGE = 2
    NOT_COMPLETED = 3
    UNREACHABLE = 4
    NOT_FOUND = 5
    CONFLICT = 6
    INTERRUPTED = 130
    BROKEN_PIPE = 141


class CommandEnded(Exception):
    """Ends a command with this exit code; `line` goes to stderr, and is empty when the output is complete.

    `others` are lines for further mistakes in the input.
    """

    def __init__(self, code: Code, line: str = "", others: tuple[str, ...] = ()) -> None:
        super().__init__(line)
        self.code, self.line, self.others = code, line, others


# The first class that matches decides.
BY_CLASS: dict[type[Exception], Code] = {
    InvalidInput: Code.USAGE,
    OrderRejected: Code.USAGE,
    TyperException: Code.USAGE,
    WorkflowGone: Code.NOT_COMPLETED,
    Conflict: Code.CONFLICT,
    WrongInstallation: Code.CONFLICT,
    AlreadyUndone: Code.CONFLICT,
    NotFound: Code.NOT_FOUND,
    Final: Code.USAGE,
    Unavailable: Code.UNREACHABLE,
}
