"""Routing slips from the outside: placed once, followed to their end, found by `slip-ID`."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError, is_cancelled_exception
from temporalio.service import RPCError, RPCStatusCode

from cli.following import state_of
from cli.placing import run_of
from models import names
from models.process import ProcessState, Status
from models.slips.slip import RoutingSlip, SlipResult
from services.slips.slips import Slips

PREFIX = "slip-"
Handle = WorkflowHandle[Any, Any]


@dataclass(frozen=True)
class PlacedSlip:
    """A slip that is in, and whether it was before; without a run, how it ended long ago."""

    slip: RoutingSlip
    again: bool
    handle: Handle | None
    ended: dict[str, Any] | None = None


async def place_slip(slip: RoutingSlip, client: Client, slips: Slips) -> PlacedSlip:
    """Start a slip, or find its run; raise Conflict when the id is another slip's; nothing is started then."""
    await slips.accept(slip)
    record = await slips.find(slip.slip_id)
    if record and record.closed_at:
        handle = await found(names.slip_workflow_id(slip.slip_id), client)
        ended = None if handle else {"slip_id": slip.slip_id, "status": record.status, "reason": record.reason}
        return PlacedSlip(slip, again=True, handle=handle, ended=ended)
    workflow_id = names.slip_workflow_id(slip.slip_id)
    try:
        handle = await client.start_workflow(
            names.SLIP_WORKFLOW,
            slip,
            id=workflow_id,
            task_queue=names.TASK_QUEUE,
            result_type=SlipResult,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            request_eager_start=True,
            static_summary=f"{len(slip.itinerary)} stops: {' → '.join(stop.name for stop in slip.itinerary)}"[:200],
            static_details=_details(slip),
        )
    except WorkflowAlreadyStartedError:
        handle = client.get_workflow_handle(workflow_id, result_type=SlipResult)
        return PlacedSlip(slip, again=True, handle=handle)
    return PlacedSlip(slip, again=False, handle=handle)


async def found(text: str, client: Client) -> Handle | None:
    """Return the run of a slip by its workflow id, `slip-ID`; None when Temporal has none."""
    if not text.startswith(PREFIX):
        return None
    handle = client.get_workflow_handle(text, result_type=SlipResult)
    try:
        await handle.describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
    return handle


async def run_named(text: str, client: Client) -> Handle:
    """Return the run of an order by its id, or of a slip by its workflow id, `slip-ID`."""
    return await found(text, client) or run_of(text, client)


def is_slip(run: Handle) -> bool:
    """Return whether a run is a slip's."""
    return run.id.startswith(PREFIX)


async def follow_slip(handle: Handle, seen: Callable[[ProcessState | None], None]) -> dict[str, Any]:
    """Wait until a slip ends, or needs a person; return what is known of it then."""
    ended = asyncio.create_task(_result(handle))
    try:
        while not ended.done():
            state = await state_of(handle)
            seen(state)
            if state and state.status in {Status.NEEDS_ATTENTION, Status.WAITING}:
                return {"status": state.status.value, "failed_step": state.current_step, "steps": state.history}
            await asyncio.wait({ended}, timeout=0.1)
        state = await state_of(handle)
        seen(state)
        return {**await ended, "steps": state.history if state else ()}
    finally:
        ended.cancel()


async def _result(handle: Handle) -> dict[str, Any]:
    """The result that the workflow returned, or carries in its failure."""
    try:
        result: SlipResult = await handle.result()
    except WorkflowFailureError as failure:
        cause = failure.cause
    else:
        return result.model_dump(mode="json")
    if isinstance(cause, ApplicationError) and cause.type == "SlipCompensated":
        return SlipResult.model_validate(cause.details[0], strict=False).model_dump(mode="json")
    status = "cancelled" if is_cancelled_exception(cause) else "failed"
    return {"status": status, "reason": getattr(cause, "message", type(cause).__name__)}


def _details(slip: RoutingSlip) -> str:
    """The slip as the Web UI shows it: where it goes, nothing about whom."""
    rows = "\n".join(f"| {stop.name} | {stop.activity} |" for stop in slip.itinerary)
    return f"**Slip {slip.slip_id}**, at most {slip.max_hops} stops\n\n| stop | activity |\n|---|---|\n{rows}"
