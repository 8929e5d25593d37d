"""`cancel`: ask a running order to stop and to undo what it did."""

import hashlib
from typing import Annotated

import typer

from cli import intake
from cli.asking import run_to_ask, send
from cli.options import AsJson, OrderId, Reason
from cli.output import Output
from cli.running import run_to_end
from cli.session import session
from cli.slips import is_slip
from models.commands import CancelOrder
from models.intake.reading import made
from models.slips.slip import CancelSlip

REFUSED = "not cancelled"

Actor = Annotated[str | None, typer.Option(help="Who asks; by default, who is logged in.")]
Plan = Annotated[str | None, typer.Option(metavar="HASH", help="Cancel only while `plan` still shows this hash.")]


def cancel(order_id: OrderId, reason: Reason, actor: Actor = None, plan: Plan = None, as_json: AsJson = False) -> None:
    """Cancel an order and undo what was done; exit code 6, with the reason, when it can't be cancelled any more."""
    said = {"reason": intake.reason(reason), "actor": intake.actor(actor), "plan": plan}
    command = made(CancelOrder, said, {"plan": "--plan"})
    run_to_end(_cancel(intake.order_id(order_id), command, Output(as_json)))


async def _cancel(order_id: str, command: CancelOrder, output: Output) -> None:
    # An id made of the reason, so that a repeated command is the same command.
    update_id = "cancel-" + hashlib.sha256(command.reason.encode()).hexdigest()[:16]
    async with session() as opened, run_to_ask(order_id, opened, REFUSED) as run:
        update = "cancel_slip" if is_slip(run) else "cancel_order"
        asked = CancelSlip(**vars(command)) if is_slip(run) else command
        accepted = await send(run, update, asked, update_id, REFUSED)
    output.answer(accepted, f"order {order_id}: cancel accepted, now {accepted.status}")
