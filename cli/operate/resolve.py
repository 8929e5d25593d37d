"""`resolve`: an operator's decision on a parked step."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import typer

from cli import intake, render
from cli.accepted import Wait, answer_accepted, waiting_for
from cli.options import Actor, AsJson, ProcessId, Reason
from cli.output import Output
from cli.run import run_to_end
from client.settling import parked_at, stands_still
from models.commands import Resolve, Verb
from models.errors import InvalidInput
from models.intake.reading import made
from orders import connect

Step = Annotated[str, typer.Argument(metavar="STEP", help="The parked step, such as charge.")]
Decision = Annotated[
    Verb,
    typer.Argument(
        metavar="VERB",
        help="retry: try again. edit: try again with --request. skip: settled by hand, needs --evidence. "
        "waive: leave the effect open, the order ends as failed. unwind: undo the order, if the parked step allows it.",
    ),
]
Evidence = Annotated[str | None, typer.Option(help="The proof, such as a bank's reference.")]
Request = Annotated[
    str | None, typer.Option(metavar="FILE", help="A JSON object with the changed fields; - for stdin.")
]


def resolve(
    process: ProcessId,
    step: Step,
    verb: Decision,
    *,
    reason: Reason,
    actor: Actor = None,
    evidence: Evidence = None,
    request: Request = None,
    wait: Wait = 5.0,
    as_json: AsJson = False,
) -> None:
    """Decide on a parked step, and say what came of it; a repeated decision is applied once.

    Exit code 0 when it is accepted, also if the step is parked again; 6 when it is refused.
    """
    if request is not None and verb != "edit":
        raise InvalidInput("--request", "goes with edit only")
    fields = decision_fields(
        "STEP",
        step,
        actor,
        reason,
        evidence,
        process=lambda: intake.process(process),
        request=lambda: None if request is None else intake.read_request(request),
    )
    named = fields.pop("process")
    command = made(Resolve, fields | {"verb": verb}, {"step": "STEP", "request": "--request"})
    run_to_end(_resolve(named, command, wait, Output(as_json)))


def decision_fields(
    place: str, step: str, actor: str | None, reason: str, evidence: str | None, **more: Callable[[], Any]
) -> dict[str, Any]:
    """Return the fields that each decision has, and `more`, checked; raise InvalidInput with every mistake.

    `place` is where the step was given, for a message.
    """
    proof = partial(intake.printable, "--evidence", evidence or "", intake.REASON_AT_MOST)
    return intake.checked(
        {
            **more,
            "step": lambda: intake.printable(place, step, intake.NAME_AT_MOST),
            "actor": lambda: intake.actor(actor),
            "reason": lambda: intake.reason(reason),
            "evidence": lambda: None if evidence is None else proof(),
        }
    )


async def _resolve(process: str, command: Resolve, wait: float, output: Output) -> None:
    async with connect() as orders:
        orders.tell_outages(output.note)
        accepted = await orders.resolve(process, command)
        with waiting_for(output, accepted, what := f"{command.verb} {command.step} accepted"):
            state = await orders.settled(render.named(accepted).path, wait, command.step)
    again = parked_at(state, command.step) if state and stands_still(state, command.step) else None
    answer_accepted(output, accepted, what, state, again, command.step)
