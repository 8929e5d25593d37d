"""`status`: show the status of one process, from its workflow, or from its table when no worker answers."""

from typing import Any

from cli import intake, render
from cli.options import AsJson, ProcessId
from cli.output import Output, plain
from cli.run import run_to_end
from client.status import ProcessStatus
from models.names import ProcessName
from models.process import Style
from orders import connect


def status(process: ProcessId, as_json: AsJson = False) -> None:
    """Show the status of an order or a slip; exit code 5 when it does not exist."""
    run_to_end(_status(intake.process(process), Output(as_json)))


async def _status(process: str, output: Output) -> None:
    async with connect() as orders:
        name = await orders.named(process)
        standing = await orders.status(name.path)
    if standing.run_id and standing.state is None:
        output.note("no worker answers its query: the status comes from the server and the orders table")
    output.answer({**standing.model_dump(mode="json"), "process": name.path}, *_shown(name, standing))


def _shown(name: ProcessName, standing: ProcessStatus) -> list[Any]:
    """Return the status on one line, then the steps if the state is known."""
    orchestrated = standing.style is Style.ORCHESTRATED
    gone = "Temporal has deleted its history" if standing.closed_at else "its workflow is gone"
    workflow = f"workflow {standing.workflow}" if standing.workflow else gone
    parts = [standing.reason, workflow if orchestrated else "choreographed"]
    more = "".join(f" · {part}" for part in parts if part)
    head = render.cell(f"{name} ").append_text(render.styled(standing.status)).append(plain(more))
    steps = [render.steps(standing.state.history)] if standing.state else []
    return [head, *([plain(standing.help_command)] if standing.help_command else []), *steps]
