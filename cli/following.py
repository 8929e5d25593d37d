"""Following an order to its end: its state while it runs, its result when it is done."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError, is_cancelled_exception
from temporalio.service import RPCError, RPCStatusCode

from cli.placing import Handle, Placed
from models.process import OrderResult, ProcessState, Status
from services.orders.orders import Orders

PATIENCE = timedelta(seconds=2)
# A worker that drops its copy of a run loses the questions that wait there, and nobody tells: ask again after this.
ASK_AGAIN = 10.0
# What the server answers when nobody polls the task queue, or nobody answers in time.
NOBODY = {RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED, RPCStatusCode.FAILED_PRECONDITION}

Seen = Callable[[ProcessState | None], None]


@dataclass(frozen=True)
class Outcome:
    """How far an order came: its result, and its steps when a worker could still tell them."""

    result: OrderResult
    state: ProcessState | None = None


async def state_of(handle: Handle, patience: timedelta = PATIENCE) -> ProcessState | None:
    """Return the state of a run, or None when no worker answers in time."""
    until = time.monotonic() + patience.total_seconds()
    while (left := until - time.monotonic()) > 0:
        try:
            state: ProcessState = await handle.query(
                "state", result_type=ProcessState, rpc_timeout=timedelta(seconds=min(left, ASK_AGAIN))
            )
        except RPCError as error:
            if error.status not in NOBODY:
                raise
            if error.status is RPCStatusCode.FAILED_PRECONDITION:  # said at once, and for as long as nobody polls
                break
        else:
            return state
    return None


async def follow(placed: Placed, orders: Orders, seen: Seen, every: float = 0.1) -> Outcome:
    """Wait until an order ends or waits for a person or an event; `seen` gets its state, None while nobody answers."""
    if placed.handle is None:
        if placed.ended is None:
            raise ValueError("an order that was placed has a run or an end")
        return Outcome(placed.ended)
    ended = asyncio.create_task(_result(placed, placed.handle, orders))
    try:
        while not ended.done():
            state = await state_of(placed.handle)
            seen(state)
            if state and state.status is Status.NEEDS_ATTENTION:
                return Outcome(_parked(placed, state), state)
            if state and state.status is Status.WAITING:
                return Outcome(_waiting(placed, state), state)
            await asyncio.wait({ended}, timeout=every)
        state = await state_of(placed.handle)
        seen(state)
        return Outcome(_with_undone(await ended, state), state)
    finally:
        ended.cancel()


async def end_of(placed: Placed, orders: Orders, every: float = 5.0) -> OrderResult:
    """Wait as `follow` does, with a look at the order only now and then: for many orders at once."""
    if placed.handle is None:
        return (await follow(placed, orders, lambda _: None)).result
    ended = asyncio.create_task(_result(placed, placed.handle, orders))
    try:
        while not (await asyncio.wait({ended}, timeout=every))[0]:
            # Patient: a query that is given up is still answered, and a busy worker has better things to do.
            state = await state_of(placed.handle, timedelta(seconds=10))
            if state and state.status is Status.NEEDS_ATTENTION:
                return _parked(placed, state)
            if state and state.status is Status.WAITING:
                return _waiting(placed, state)
        return await ended
    finally:
        ended.cancel()


def _with_undone(result: OrderResult, state: ProcessState | None) -> OrderResult:
    """A workflow that ends as Canceled returns nothing: what it undid stands in its steps."""
    if result.undone or result.status is not Status.CANCELLED or state is None:
        return result
    undone = tuple(s.step for s in state.history if s.direction == "undo" and s.status == "completed")
    return result.model_copy(update={"undone": undone})


def _parked(placed: Placed, state: ProcessState) -> OrderResult:
    """An order that waits for a person: the step that is parked, and why."""
    parked = next((step for step in state.history if step.status == "parked"), None)
    return OrderResult(
        order_id=placed.order_id,
        status=state.status,
        total=placed.total,
        failed_step=parked.step if parked else state.current_step,
        reason=parked.error if parked else None,
    )


def _waiting(placed: Placed, state: ProcessState) -> OrderResult:
    """An order that waits for an event, for days perhaps: for which one."""
    reason = next((step.summary for step in reversed(state.history) if step.direction == "wait"), None)
    return OrderResult(order_id=placed.order_id, status=state.status, total=placed.total, reason=reason)


async def _result(placed: Placed, handle: Handle, orders: Orders) -> OrderResult:
    """The result that the workflow returned, or carries in its failure; else what the orders table has of it."""
    try:
        return await handle.result()
    except WorkflowFailureError as failure:
        cause = failure.cause
    if told := _told(cause):
        return told
    record = await orders.find(placed.order_id)
    if record and record.status.final:
        ended = record.result()
        return ended.model_copy(update={"status": Status.CANCELLED}) if is_cancelled_exception(cause) else ended
    status = Status.CANCELLED if is_cancelled_exception(cause) else Status.FAILED
    reason = f"its workflow ended without an answer ({type(cause).__name__})"
    return OrderResult(order_id=placed.order_id, status=status, total=placed.total, reason=reason)


def _told(cause: BaseException) -> OrderResult | None:
    details: Any = getattr(cause, "details", None)
    if isinstance(cause, ApplicationError) and cause.type != "OrderCompensated":
        return None
    return OrderResult.model_validate(details[0], strict=False) if details else None
