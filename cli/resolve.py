"""`resolve`: a person's decision on a step that is parked."""

import hashlib
from typing import Annotated

import typer

from cli import intake
from cli.asking import run_to_ask, send, state_now
from cli.options import AsJson, OrderId, Reason
from cli.output import Output
from cli.running import run_to_end
from cli.session import session
from models.base import fingerprint
from models.commands import Resolve, Verb
from models.errors import InvalidInput
from models.intake.reading import made
from models.process import ProcessState

REFUSED = "not resolved"

Step = Annotated[str, typer.Argument(metavar="STEP", help="The parked step, such as charge.")]
Decision = Annotated[
    Verb,
    typer.Argument(
        metavar="VERB",
        help="retry: try again. edit: try again with --request. skip: it was settled by hand, see --evidence. "
        "waive: leave it open for good, the order ends as failed. unwind: go back, where a step parked on its way on.",
    ),
]
Actor = Annotated[str, typer.Option(help="Who decides; it is kept with the order.")]
Evidence = Annotated[str | None, typer.Option(help="What proves it, such as a bank's reference.")]
Request = Annotated[str | None, typer.Option(metavar="FILE", help="The fields to change, a JSON object; - for stdin.")]


def resolve(
    order_id: OrderId,
    step: Step,
    verb: Decision,
    *,
    actor: Actor,
    reason: Reason,
    evidence: Evidence = None,
    request: Request = None,
    as_json: AsJson = False,
) -> None:
    """Decide what happens with a parked step; repeated, it is the same decision. Exit code 6 when it is refused."""
    if request is not None and verb != "edit":
        raise InvalidInput("--request", "goes with edit only")
    said = {
        "step": intake.printable("STEP", step, intake.NAME_AT_MOST),
        "verb": verb,
        "actor": intake.actor(actor),
        "reason": intake.reason(reason),
        "evidence": None if evidence is None else intake.printable("--evidence", evidence, intake.REASON_AT_MOST),
        "request": None if request is None else intake.read_request(request),
    }
    command = made(Resolve, said, {"step": "STEP", "request": "--request"})
    run_to_end(_resolve(intake.order_id(order_id), command, Output(as_json)))


async def _resolve(order_id: str, command: Resolve, output: Output) -> None:
    async with session() as opened, run_to_ask(order_id, opened, REFUSED) as run:
        update_id = update_id_of(command, await state_now(run))
        accepted = await send(run, "resolve", command, update_id, REFUSED)
    output.answer(accepted, f"order {order_id}: {command.verb} {command.step} accepted, now {accepted.status}")


def update_id_of(command: Resolve, state: ProcessState) -> str:
    """Return the id of a decision on one parking of a step.

    Sent again, it is the same update and answers as it did; once the step is parked anew, it is a new decision.
    """
    decided, waits = 0, False
    for line in state.history:
        if line.step != command.step:
            continue
        if line.direction == "resolve":
            decided, waits = decided + 1, False
        elif line.status == "parked":
            waits = True
    parking = decided if waits else max(decided - 1, 0)
    return "resolve-" + hashlib.sha256(f"{fingerprint(command)}:{parking}".encode()).hexdigest()[:16]
