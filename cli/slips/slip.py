"""`slip` and `review`: run a routing slip from a file, and decide at its review stop."""

from typing import Annotated, Any, Literal

import typer

from cli import intake, render
from cli.accepted import Wait as WaitForIt
from cli.accepted import answer_accepted, waiting_for
from cli.exits import Code, CommandEnded
from cli.live import following, placing
from cli.options import Actor, AsJson, Reason, SlipId
from cli.output import Output
from cli.run import run_to_end
from client.diagnosis.waiting import help_of
from client.slips import PlacedSlip, SlipsClient
from models import names
from models.intake.reading import made
from models.slips.slip import Review, RoutingSlip
from orders import connect

# As an order that waits for an event: nothing failed, and nothing waits for an operator's repair.
SUCCEEDED = {"completed", "terminated", "waiting"}

Document = Annotated[str, typer.Argument(metavar="FILE", help="A file with one routing slip in JSON, or - for stdin.")]
Wait = Annotated[bool, typer.Option(help="Wait until the slip ends or waits, and show its stops live.")]
Stop = Annotated[str, typer.Argument(metavar="STOP", help="The review stop that waits; `status slips/ID` shows it.")]
Verdict = Annotated[Literal["approve", "reject"], typer.Option(help="The decision; reject undoes the slip.")]


def slip(document: Document, wait: Wait = True, as_json: AsJson = False) -> None:
    """Run a routing slip, at most once per id; exit code 0 when it completes, ends early or waits, otherwise 3."""
    from client.itineraries import check_itinerary

    read = intake.read_slip(document)
    check_itinerary(read)  # before a server is called
    run_to_end(_slip(read, wait, Output(as_json)))


async def _slip(read: RoutingSlip, wait: bool, output: Output) -> None:
    async with connect() as orders:
        orders.tell_outages(output.note)
        with placing(output, f"slip {read.slip_id}"):
            placed = await orders.slips.place_patiently(read)
        if placed.again:
            output.note(f"slip {read.slip_id} was placed before; it is not run again")
        if not wait:
            output.answer(_started(placed), f"slip {read.slip_id} placed · {len(read.itinerary)} stops")
            return
        await watch_slip(placed, orders.slips, output)


async def watch_slip(placed: PlacedSlip, slips: SlipsClient, output: Output) -> None:
    """Follow a slip until it ends or waits, live on a terminal; raise CommandEnded when it did not complete."""
    name = names.ProcessName(names.ProcessKind.SLIP, placed.slip_id)
    with following(output, str(name), f"watch {name.argument}") as seen:
        outcome = await slips.follow(placed, seen)
    steps = outcome.state.history if outcome.state else ()
    document = _started(placed) | outcome.result.model_dump(mode="json") | {"steps": steps}
    helps = help_of(name, outcome.state) if outcome.state else None
    lines: list[Any] = [render.result(outcome.result), *([helps] if helps else [])]
    output.answer(document | ({"help_command": helps} if helps else {}), *lines)
    if outcome.result.status not in SUCCEEDED:
        raise CommandEnded(Code.NOT_COMPLETED)


def _started(placed: PlacedSlip) -> dict[str, Any]:
    slip_id = placed.slip_id
    run_id = None if placed.run.known else placed.run.handle.first_execution_run_id
    workflow_id = names.slip_workflow_id(slip_id)
    known = {"slip_id": slip_id, "workflow_id": workflow_id, "run_id": run_id, "status": "running"}
    return known | {"placed_before": placed.again}


def review(
    slip_id: SlipId,
    stop: Stop,
    *,
    verdict: Verdict,
    reason: Reason,
    actor: Actor = None,
    wait: WaitForIt = 5.0,
    as_json: AsJson = False,
) -> None:
    """Approve or reject at a review stop; exit code 6 when the stop does not wait."""
    fields = intake.checked(
        {
            "slip": lambda: intake.process(slip_id),
            "actor": lambda: intake.actor(actor),
            "reason": lambda: intake.reason(reason),
        }
    )
    named = fields.pop("slip")
    command = made(Review, fields | {"stop": stop, "verdict": verdict}, {"stop": "STOP"})
    run_to_end(_review(named, command, wait, Output(as_json)))


async def _review(slip_id: str, command: Review, wait: float, output: Output) -> None:
    async with connect() as orders:
        orders.tell_outages(output.note)
        accepted = await orders.slips.review(slip_id, command)
        with waiting_for(output, accepted, what := f"{command.verdict} accepted at {command.stop}"):
            state = await orders.settled(render.named(accepted).path, wait)
    answer_accepted(output, accepted, what, state)
