"""`slip` and `review`: run a routing slip from a file, and decide at its review stop."""

from typing import Annotated, Any, Literal

import typer

from cli import intake, render
from cli.exits import Code, CommandEnded
from cli.live import live
from cli.options import AsJson
from cli.output import Output, plain
from cli.run import run_to_end
from client.slips import PlacedSlip
from models import names
from models.intake.reading import made
from models.process import ProcessState
from models.slips.slip import Review, RoutingSlip, SlipResult
from orders import connect

SUCCEEDED = {"completed", "terminated"}

Document = Annotated[str, typer.Argument(metavar="FILE", help="A file with one routing slip in JSON, or - for stdin.")]
Wait = Annotated[bool, typer.Option(help="Wait until the slip ends or waits, and show its stops live.")]
SlipId = Annotated[str, typer.Argument(metavar="ID", help="The slip's id.")]
Stop = Annotated[str, typer.Argument(metavar="STOP", help="The review stop that waits; `status slip-ID` shows it.")]
Verdict = Annotated[Literal["approve", "reject"], typer.Option(help="The decision; reject undoes the slip.")]
Reason = Annotated[str, typer.Option(help="The reason; it is stored with the slip.")]


def slip(document: Document, wait: Wait = True, as_json: AsJson = False) -> None:
    """Run a routing slip, at most once per id; exit code 0 when it completes or ends early, otherwise 3."""
    from client.itineraries import check_itinerary

    read = intake.read_slip(document)
    check_itinerary(read)  # before a server is called
    run_to_end(_slip(read, wait, Output(as_json)))


async def _slip(read: RoutingSlip, wait: bool, output: Output) -> None:
    async with connect() as orders:
        placed = await orders.slips.place(read)
        if placed.again:
            output.note(f"slip {read.slip_id} was placed before; it is not run again")
        if not wait:
            output.answer(_started(placed), f"slip {read.slip_id} placed · {len(read.itinerary)} stops")
            return
        with live(output) as shown:

            def seen(state: ProcessState | None) -> None:
                shown(render.live(f"slip {read.slip_id}", state))

            outcome = await orders.slips.follow(placed, seen)
    steps = outcome.state.history if outcome.state else ()
    document = _started(placed) | outcome.result.model_dump(mode="json") | {"steps": steps}
    output.answer(document, _result_line(outcome.result))
    if outcome.result.status not in SUCCEEDED:
        raise CommandEnded(Code.NOT_COMPLETED)


def _started(placed: PlacedSlip) -> dict[str, Any]:
    slip_id = placed.slip.slip_id
    run_id = None if placed.run.known else placed.run.handle.first_execution_run_id
    workflow_id = names.slip_workflow_id(slip_id)
    known = {"slip_id": slip_id, "workflow_id": workflow_id, "run_id": run_id, "status": "running"}
    return known | {"placed_before": placed.again}


def _result_line(ended: SlipResult) -> Any:
    line = render.cell(f"slip {ended.slip_id} ").append_text(render.styled(ended.status))
    for part in (ended.failed_step, ended.reason):
        if part:
            line.append(" · ").append_text(render.cell(part))
    if ended.undone:
        line.append(" · undone: ").append_text(render.cell(", ".join(ended.undone)))
    return line


def review(slip_id: SlipId, stop: Stop, verdict: Verdict, reason: Reason, as_json: AsJson = False) -> None:
    """Approve or reject at a review stop; exit code 6 when the stop does not wait."""
    fields = {"stop": stop, "verdict": verdict, "actor": intake.actor(None), "reason": intake.reason(reason)}
    command = made(Review, fields, {"stop": "STOP"})
    run_to_end(_review(intake.process(slip_id), command, Output(as_json)))


async def _review(slip_id: str, command: Review, output: Output) -> None:
    async with connect() as orders:
        accepted = await orders.slips.review(slip_id, command)
    output.answer(accepted, plain(f"slip {accepted.slip_id}: {command.verdict} accepted at {command.stop}"))
