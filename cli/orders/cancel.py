"""`cancel`: cancel a running process and undo its steps."""

from typing import Annotated

import typer

from cli import intake, render
from cli.accepted import Wait, answer_accepted, waiting_for
from cli.options import Actor, AsJson, ProcessId, Reason
from cli.output import Output
from cli.run import run_to_end
from models.commands import CancelOrder
from models.intake.reading import made
from orders import connect

Plan = Annotated[str | None, typer.Option(metavar="HASH", help="Cancel only if `plan` still shows this hash.")]


def cancel(
    process: ProcessId,
    *,
    reason: Reason,
    actor: Actor = None,
    plan: Plan = None,
    wait: Wait = 5.0,
    as_json: AsJson = False,
) -> None:
    """Cancel an order or a slip and undo its steps; exit code 6 when it can no longer be cancelled."""
    fields = intake.checked(
        {
            "process": lambda: intake.process(process),
            "reason": lambda: intake.reason(reason),
            "actor": lambda: intake.actor(actor),
        }
    )
    named = fields.pop("process")
    command = made(CancelOrder, fields | {"plan": plan}, {"plan": "--plan"})
    run_to_end(_cancel(named, command, wait, Output(as_json)))


async def _cancel(process: str, command: CancelOrder, wait: float, output: Output) -> None:
    async with connect() as orders:
        orders.tell_outages(output.note)
        accepted = await orders.cancel(process, command)
        with waiting_for(output, accepted, what := "cancel accepted"):
            state = await orders.settled(render.named(accepted).path, wait)
    answer_accepted(output, accepted, what, state)
