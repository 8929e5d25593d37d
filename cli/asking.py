"""Asking a running order for something: by update or by query, and what an answer that never comes means."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from temporalio.client import WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.service import RPCError, RPCStatusCode

from cli.following import NOBODY, state_of
from cli.placing import Handle
from cli.session import Session
from cli.slips import is_slip, run_named
from cli.status import described_or_none
from models.commands import Accepted, CancelOrder, Resolve, UndoPlan
from models.errors import Conflict, NotFound, Unavailable
from models.process import ProcessState
from models.slips.slip import CancelSlip, Review, Taken

PATIENCE = timedelta(seconds=10)
Command = CancelOrder | Resolve | CancelSlip | Review
NOBODY_ANSWERS = "no worker answers; ask again, in the same words, once one runs"


@asynccontextmanager
async def run_to_ask(order_id: str, opened: Session, otherwise: str) -> AsyncIterator[Handle]:
    """Yield an order's run, or a slip's; raise NotFound when there is no such one, Conflict when it has ended."""
    run = await run_named(order_id, await opened.client())
    try:
        yield run
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        raise await _why_not(order_id, run, opened, otherwise) from None


async def send(run: Handle, update: str, command: Command, update_id: str | None, otherwise: str) -> Accepted | Taken:
    """Send a command, once under its id; raise Conflict when it is refused, Unavailable without a worker."""
    answer = Taken if is_slip(run) else Accepted
    try:
        accepted: Accepted | Taken = await run.execute_update(
            update, command, id=update_id, result_type=answer, rpc_timeout=PATIENCE
        )
    except WorkflowUpdateFailedError as refused:
        raise Conflict(f"{otherwise}: {getattr(refused.cause, 'message', refused.cause)}") from None
    except WorkflowUpdateRPCTimeoutOrCancelledError:
        raise Unavailable(NOBODY_ANSWERS) from None
    return accepted


async def state_now(run: Handle) -> ProcessState:
    """Return where the order is; raise Unavailable without a worker."""
    state = await state_of(run, PATIENCE)
    if state is None:
        raise Unavailable(NOBODY_ANSWERS)
    return state


async def undo_plan_of(run: Handle) -> UndoPlan:
    """Return what a cancel would undo now; raise Unavailable without a worker."""
    try:
        plan: UndoPlan = await run.query("undo_plan", result_type=UndoPlan, rpc_timeout=PATIENCE)
    except RPCError as error:
        if error.status in NOBODY:
            raise Unavailable(NOBODY_ANSWERS) from None
        raise
    return plan


async def _why_not(order_id: str, run: Handle, opened: Session, otherwise: str) -> NotFound | Conflict:
    """Tell an order that ended from one that never was, and from one that lost its workflow."""
    record = await (await opened.orders()).find(order_id)
    described = await described_or_none(run)
    if record is None and described is None:
        return NotFound(f"there is no order {order_id}")
    if record and record.status.final:
        return Conflict(f"{otherwise}: it has ended, {record.status}")
    if described and described.status:
        return Conflict(f"{otherwise}: its workflow has ended, {described.status.name.lower()}")
    return Conflict(f"{otherwise}: its workflow is gone")
