"""Fixtures and functions to start slips on the orders' system, to wait for them and to inspect them."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from models.names import SLIP_WORKFLOW, TASK_QUEUE, slip_workflow_id
from models.process import ProcessState
from models.slips.slip import ReviseSlip, Revision, RoutingSlip, SlipCommandAccepted, SlipResult
from tests.conservation import assert_conserved
from tests.orders.conftest import system
from tests.systems import System, ended_with

__all__ = ["system"]

Handle = WorkflowHandle[Any, SlipResult]


@pytest.fixture(autouse=True)
async def conserved(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """Check conservation after each test that uses the system; other slips may still be running."""
    yield
    if "system" in request.fixturenames:
        await assert_conserved(request.getfixturevalue("system").db, at_rest=False)


async def start(system: System, slip: RoutingSlip) -> Handle:
    """Start the workflow of a slip with Temporal's own client."""
    return await system.client.start_workflow(
        SLIP_WORKFLOW, slip, id=slip_workflow_id(slip.slip_id), task_queue=TASK_QUEUE, result_type=SlipResult
    )


async def result_of(handle: Handle) -> SlipResult | None:
    """Return a slip's result, also after a failure; None when the workflow was cancelled, which has no result."""
    return await ended_with(handle, SlipResult, failure="SlipCompensated")


async def state_of(handle: Handle) -> ProcessState:
    state: ProcessState = await handle.query("state", result_type=ProcessState)
    return state


async def until(handle: Handle, seen: Callable[[ProcessState], bool], seconds: float = 30) -> ProcessState:
    """Wait until `seen` accepts the state of a slip, and return the state; fail with the last state after `seconds`."""
    give_up = time.monotonic() + seconds
    while not seen(state := await state_of(handle)):
        assert time.monotonic() < give_up, state
        await asyncio.sleep(0.05)
    return state


async def waiting(handle: Handle) -> ProcessState:
    """Wait until a slip waits for a review or a date."""
    return await until(handle, lambda state: state.status == "waiting")


async def update(handle: Handle, name: str, command: Any) -> SlipCommandAccepted:
    """Send an update that must be accepted."""
    taken: SlipCommandAccepted = await handle.execute_update(name, command, result_type=SlipCommandAccepted)
    return taken


async def refused(handle: Handle, name: str, command: Any) -> str:
    """Send an update that must be refused; return the message of the refusal."""
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await handle.execute_update(name, command, result_type=SlipCommandAccepted)
    assert isinstance(caught.value.cause, ApplicationError)
    return caught.value.cause.message


def revision(version: int | None = None, **how: Any) -> ReviseSlip:
    """Return an operator's revision."""
    return ReviseSlip(revision=Revision(**how), actor="ann", reason="the customer called", version=version)


def lines(state: ProcessState, direction: str) -> list[str]:
    """Return the steps of one direction, in order."""
    return [line.step for line in state.history if line.direction == direction]


async def receipts(system: System, slip_id: str) -> dict[str, str]:
    """Return stop → status of its receipt, for the stops of a slip that were done or undone.

    The end of a slip seals the keys of all other stops, by a tombstone without an undo.
    """
    query = b"""
        select split_part(key, ':', 2), status from (
          select key, status, undos from inventory.receipts union all select key, status, undos from payments.receipts
          union all select key, status, undos from shipping.receipts
          union all select key, status, undos from wrapping.receipts
        ) as receipt where split_part(key, ':', 1) = %(process)s and (status <> 'tombstone' or undos > 0)"""
    return dict(await system.db.rows(query, {"process": f"slip.{slip_id}"}))
