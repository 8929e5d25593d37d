"""The answer of a command that a process accepted: what came of it within some seconds."""

from contextlib import AbstractContextManager
from typing import Annotated, Any

import typer

from cli import render
from cli.live import interruptible
from cli.output import Output, plain
from client.settling import stands_still
from models.commands import CommandAccepted
from models.process import ProcessState, StepExecution
from models.slips.slip import SlipCommandAccepted

WAIT_AT_MOST = 600
Wait = Annotated[
    float,
    typer.Option(min=0, max=WAIT_AT_MOST, metavar="SECONDS", help="Maximum time to wait for what comes of it."),
]


def waiting_for(
    output: Output, accepted: CommandAccepted | SlipCommandAccepted, what: str
) -> AbstractContextManager[None]:
    """Return a block that waits for what comes of a command; on Ctrl-C it says that the command was accepted."""
    follows = f"`python starter.py watch {render.named(accepted).argument}` follows it"
    return interruptible(output, f"{render.process(accepted)}: {what}; {follows}")


def answer_accepted(
    output: Output,
    accepted: CommandAccepted | SlipCommandAccepted,
    what: str,
    state: ProcessState | None,
    again: StepExecution | None = None,
    step: str | None = None,
) -> None:
    """Write the answer; `state` is the process's some seconds later, `again` the line of a step that is parked again.

    In JSON, `status` is the later status, and `in_progress` whether something is still to come.
    """
    document: dict[str, Any] = accepted.model_dump(mode="json") | {"in_progress": True}
    if state:
        document |= {"status": state.status.value, "in_progress": not stands_still(state, step)}
    if again:
        document["reason"] = again.error
    # A process can look parked while the decision on it is on its way.
    now = f"now {document['status']}"
    if document["in_progress"]:
        now = f"still in progress; `python starter.py watch {render.named(accepted).argument}` follows it"
    reason = f": {again.step} ({again.direction}): {again.error}" if again else ""
    output.answer(document, plain(f"{render.process(accepted)}: {what}, {now}{reason}"))
