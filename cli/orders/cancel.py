"""`cancel`: ask a running process to stop and to undo what it did."""

from typing import Annotated

import typer

from cli import intake
from cli.options import AsJson, ProcessId, Reason
from cli.output import Output
from cli.run import run_to_end
from models.commands import CancelOrder
from models.intake.reading import made
from orders import connect

Actor = Annotated[str | None, typer.Option(help="Who asks; by default, who is logged in.")]
Plan = Annotated[str | None, typer.Option(metavar="HASH", help="Cancel only while `plan` still shows this hash.")]


def cancel(process: ProcessId, reason: Reason, actor: Actor = None, plan: Plan = None, as_json: AsJson = False) -> None:
    """Cancel an order and undo what was done; exit code 6, with the reason, when it can't be cancelled any more."""
    said = {"reason": intake.reason(reason), "actor": intake.actor(actor), "plan": plan}
    command = made(CancelOrder, said, {"plan": "--plan"})
    run_to_end(_cancel(intake.process(process), command, Output(as_json)))


async def _cancel(process: str, command: CancelOrder, output: Output) -> None:
    async with connect() as orders:
        accepted = await orders.cancel(process, command)
    output.answer(accepted, f"order {process}: cancel accepted, now {accepted.status}")
