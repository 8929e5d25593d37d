"""`status`: where one process is, from its workflow, or from its table when no worker answers."""

from typing import Any

from cli import intake, render
from cli.options import AsJson, ProcessId
from cli.output import Output
from cli.run import run_to_end
from client.status import ProcessStatus
from orders import connect


def status(process: ProcessId, as_json: AsJson = False) -> None:
    """Show where an order or a slip is; exit code 5 when there is none with this id."""
    run_to_end(_status(intake.process(process), Output(as_json)))


async def _status(process: str, output: Output) -> None:
    async with connect() as orders:
        standing = await orders.status(process)
    if standing.run_id and standing.state is None:
        output.note("no worker answers: this is what the server and the orders table know")
    output.answer(standing, *_shown(standing))


def _shown(standing: ProcessStatus) -> list[Any]:
    """The order's standing for people: one line, then its steps if they are known."""
    words = [standing.reason, f"workflow {standing.workflow}" if standing.workflow else "its workflow is gone"]
    more = "".join(f" · {word}" for word in words if word)
    head = render.cell(f"order {standing.order_id} ").append_text(render.styled(standing.status)).append(more)
    return [head, render.steps(standing.state.history)] if standing.state else [head]
