"""`slip` and `review`: an itinerary from a file to its end, and the verdict that some of them wait for."""

from typing import Annotated, Any, Literal

import typer
from rich.live import Live

from cli import intake, render
from cli.asking import send
from cli.exits import Code, Ended
from cli.options import AsJson
from cli.output import Output
from cli.running import run_to_end
from cli.session import session
from cli.slips import PlacedSlip, follow_slip, found, place_slip
from models import names
from models.errors import NotFound
from models.intake.reading import made
from models.process import ProcessState
from models.slips.slip import Review, RoutingSlip

STANDS = {"completed", "terminated"}

Document = Annotated[str, typer.Argument(metavar="FILE", help="A file with one routing slip in JSON, or - for stdin.")]
Wait = Annotated[bool, typer.Option(help="Wait until the slip ends, or waits for a person, and show its stops live.")]
SlipId = Annotated[str, typer.Argument(metavar="ID", help="The slip's id.")]
Stop = Annotated[str, typer.Argument(metavar="STOP", help="The stop that waits, as `status slip-ID` names it.")]
Verdict = Annotated[Literal["approve", "reject"], typer.Option(help="Whether the slip goes on.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept with the slip.")]


def slip(document: Document, wait: Wait = True, as_json: AsJson = False) -> None:
    """Run a routing slip: exit code 0 when it completes or ends early, 3 when it doesn't; never twice for one id."""
    from workflows.itinerary import Itinerary

    read = intake.read_slip(document)
    Itinerary(read)  # refuses here what the workflow would refuse
    run_to_end(_slip(read, wait, Output(as_json)))


async def _slip(read: RoutingSlip, wait: bool, output: Output) -> None:
    async with session() as opened:
        client = await opened.client()
        placed = await place_slip(read, client, await opened.slips())
        if placed.again:
            output.note(f"slip {read.slip_id} was placed before: it is not run again")
        if not wait:
            output.answer(_started(placed), f"slip {read.slip_id} placed · {len(read.itinerary)} stops")
            return
        ended = placed.ended or await _watched(placed, output)
    output.answer(_started(placed) | ended, _said(read.slip_id, ended))
    if ended["status"] not in STANDS:
        raise Ended(Code.NOT_COMPLETED)


async def _watched(placed: PlacedSlip, output: Output) -> dict[str, Any]:
    if placed.handle is None:
        raise ValueError("a slip that was placed has a run or an end")
    with Live(console=output.notes, auto_refresh=False) as display:

        def seen(state: ProcessState | None) -> None:
            display.update(render.live(placed.slip.slip_id, state), refresh=True)

        return await follow_slip(placed.handle, seen)


def _started(placed: PlacedSlip) -> dict[str, Any]:
    slip_id = placed.slip.slip_id
    run_id = placed.handle.first_execution_run_id if placed.handle else None
    workflow_id = names.slip_workflow_id(slip_id)
    known = {"slip_id": slip_id, "workflow_id": workflow_id, "run_id": run_id, "status": "running"}
    return known | {"placed_before": placed.again}


def _said(slip_id: str, ended: dict[str, Any]) -> Any:
    words = render.cell(f"slip {slip_id} ").append_text(render.styled(ended["status"]))
    for name in ("failed_step", "reason"):
        if ended.get(name):
            words.append(" · ").append_text(render.cell(ended[name]))
    if ended.get("undone"):
        words.append(" · undone: ").append_text(render.cell(", ".join(ended["undone"])))
    return words


def review(slip_id: SlipId, stop: Stop, verdict: Verdict, reason: Reason, as_json: AsJson = False) -> None:
    """Approve or reject at a review stop that waits; exit code 6 when it doesn't wait."""
    said = {"stop": stop, "verdict": verdict, "actor": intake.actor(None), "reason": intake.reason(reason)}
    command = made(Review, said, {"stop": "STOP"})
    run_to_end(_review(intake.order_id(slip_id), command, Output(as_json)))


async def _review(slip_id: str, command: Review, output: Output) -> None:
    async with session() as opened:
        handle = await found(names.slip_workflow_id(slip_id), await opened.client())
        if handle is None:
            raise NotFound(f"there is no slip {slip_id}")
        taken = await send(handle, "review", command, None, "not taken")
    output.answer(taken, f"slip {slip_id}: {command.verdict} taken at {command.stop}")
