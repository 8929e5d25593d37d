"""The system of the orders, and how a slip is started, watched and looked at in it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError, CancelledError

from models.names import SLIP_WORKFLOW, TASK_QUEUE, slip_workflow_id
from models.process import ProcessState
from models.slips.slip import ReviseSlip, Revision, RoutingSlip, SlipCommandAccepted, SlipResult
from tests.conservation import assert_conserved
from tests.orders.conftest import system
from tests.systems import System

__all__ = ["system"]

Handle = WorkflowHandle[Any, SlipResult]


@pytest.fixture(autouse=True)
async def conserved(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """After each test in the system, nothing was created or lost; other slips may still be on their way."""
    yield
    if "system" in request.fixturenames:
        await assert_conserved(request.getfixturevalue("system").db, at_rest=False)


async def start(system: System, slip: RoutingSlip) -> Handle:
    """Start a slip, as any client of Temporal may."""
    return await system.client.start_workflow(
        SLIP_WORKFLOW, slip, id=slip_workflow_id(slip.slip_id), task_queue=TASK_QUEUE, result_type=SlipResult
    )


async def result_of(handle: Handle) -> SlipResult | None:
    """Return a slip's result, however it ended; None when it was cancelled, which carries none."""
    try:
        return await handle.result()
    except WorkflowFailureError as error:
        cause = error.cause
    if isinstance(cause, CancelledError):
        return None
    assert isinstance(cause, ApplicationError), cause
    assert cause.type == "SlipCompensated", cause
    return SlipResult.model_validate(cause.details[0], strict=False)


async def state_of(handle: Handle) -> ProcessState:
    state: ProcessState = await handle.query("state", result_type=ProcessState)
    return state


async def until(handle: Handle, seen: Callable[[ProcessState], bool], seconds: float = 30) -> ProcessState:
    """Wait until a slip is as wanted; fail with what it is instead."""
    give_up = time.monotonic() + seconds
    while not seen(state := await state_of(handle)):
        assert time.monotonic() < give_up, state
        await asyncio.sleep(0.05)
    return state


async def waiting(handle: Handle) -> ProcessState:
    """Wait until a slip waits for a person or a date."""
    return await until(handle, lambda state: state.status == "waiting")


async def update(handle: Handle, name: str, command: Any) -> SlipCommandAccepted:
    """Send an update; fail when it is refused."""
    taken: SlipCommandAccepted = await handle.execute_update(name, command, result_type=SlipCommandAccepted)
    return taken


async def refused(handle: Handle, name: str, command: Any) -> str:
    """Send an update that must be refused; return why it was."""
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await handle.execute_update(name, command, result_type=SlipCommandAccepted)
    assert isinstance(caught.value.cause, ApplicationError)
    return caught.value.cause.message


def revision(version: int | None = None, **how: Any) -> ReviseSlip:
    """A person's revision."""
    return ReviseSlip(revision=Revision(**how), actor="ann", reason="the customer called", version=version)


def lines(state: ProcessState, direction: str) -> list[str]:
    """The steps of one direction, in order."""
    return [line.step for line in state.history if line.direction == direction]


async def receipts(system: System, slip_id: str) -> dict[str, str]:
    """What the services' receipts say of each stop of a slip."""
    query = b"""
        select split_part(key, ':', 2), status from (
          select key, status from inventory.receipts union all select key, status from payments.receipts
          union all select key, status from shipping.receipts union all select key, status from wrapping.receipts
        ) as receipt where split_part(key, ':', 1) = %(process)s"""
    return dict(await system.db.rows(query, {"process": f"slip.{slip_id}"}))
