"""`status`: where one order is, from its workflow, or from the orders table when no worker answers."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel
from temporalio.client import WorkflowExecutionDescription
from temporalio.service import RPCError, RPCStatusCode

from cli import intake, render
from cli.following import state_of
from cli.options import AsJson, OrderId
from cli.output import Output
from cli.placing import Handle
from cli.running import run_to_end
from cli.session import session
from cli.slips import run_named
from models.errors import NotFound
from models.money import Money
from models.process import ProcessState
from services.orders.process_states import ProcessStates
from services.orders.records import OrderRecord


class Standing(BaseModel):
    """What `status --json` prints; `state` is None when no worker answered or the workflow is gone."""

    order_id: str
    status: str
    workflow: str | None = None
    run_id: str | None = None
    total: Money | None = None
    reason: str | None = None
    created_at: datetime | None = None
    closed_at: datetime | None = None
    state: ProcessState | None = None


def status(order_id: OrderId, as_json: AsJson = False) -> None:
    """Show where an order is; exit code 5 when there is none with this id."""
    run_to_end(_status(intake.order_id(order_id), Output(as_json)))


async def _status(order_id: str, output: Output) -> None:
    async with session() as opened:
        client = await opened.client()
        run = await run_named(order_id, client)
        described = await described_or_none(run)
        state = await state_of(run) if described else None
        record = None if state else await (await opened.orders()).find(order_id)
        if described is None and record:  # its steps outlive Temporal's memory
            state = await ProcessStates(await opened.database()).load(order_id)
    if described is None and record is None:
        raise NotFound(f"there is no order {order_id}")
    standing = _standing(order_id, described, state, record)
    if described and state is None:
        output.note("no worker answers: this is what the server and the orders table know")
    output.answer(standing, *_shown(standing))


async def described_or_none(run: Handle) -> WorkflowExecutionDescription | None:
    """Return what Temporal says of a run, or None when it has no such run."""
    try:
        return await run.describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise


def _standing(
    order_id: str,
    described: WorkflowExecutionDescription | None,
    state: ProcessState | None,
    record: OrderRecord | None,
) -> Standing:
    known: dict[str, Any] = {}
    if described:
        known |= {"workflow": described.status.name.lower() if described.status else None, "run_id": described.run_id}
        known |= {"created_at": described.start_time, "closed_at": described.close_time, "status": known["workflow"]}
    if record:
        known |= {"status": record.status, "total": record.total, "reason": record.reason}
        known |= {"created_at": record.created_at, "closed_at": record.closed_at}
    if state:
        # Where the orders table was asked, the state is an old one.
        known |= {"state": state} if record else {"status": state.status.value, "state": state}
    return Standing(order_id=order_id, **known)


def _shown(standing: Standing) -> list[Any]:
    """The order's standing for people: one line, then its steps if they are known."""
    words = [standing.reason, f"workflow {standing.workflow}" if standing.workflow else "its workflow is gone"]
    more = "".join(f" · {word}" for word in words if word)
    head = render.cell(f"order {standing.order_id} ").append_text(render.styled(standing.status)).append(more)
    return [head, render.steps(standing.state.history)] if standing.state else [head]
