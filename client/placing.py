"""Place an order: the database accepts it, then Temporal runs it. An order that is placed again is not run again."""

import asyncio
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio.client import (
    Client,
    WorkflowFailureError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError, is_cancelled_exception
from temporalio.service import RPCError, RPCStatusCode

from client.handles import NO_WORKER, Handle, exists, handle_of
from client.outages import Outages, is_outage
from client.progress import STANDS_STILL, end_within, result_in, undone_in, where_it_waits
from models import names
from models.errors import Unavailable, WorkflowGone
from models.intake.reading import made
from models.money import Money
from models.names import ProcessKind, ProcessName
from models.order import Order
from models.process import OrderResult, ProcessState, Status
from services.orders.orders import Orders
from services.orders.records import OrderRecord

NO_WORKER_YET = "the order is placed, but no worker answers: it will run once a worker is started"
# Added to the caller's wait: the time of the call itself.
SLACK = timedelta(seconds=5)


@dataclass(frozen=True)
class RunOptions:
    """How an order is run: its deadline in seconds, and whether it is express; None keeps the order's own value."""

    deadline: int | None = None
    express: bool | None = None

    def on(self, order: Order, defaults: "RunOptions") -> Order:
        """Return the order with these options; a missing one is the order's own, or the default; raise InvalidInput."""
        seconds = self.deadline or order.deadline_seconds or defaults.deadline
        express = order.express or bool(defaults.express) if self.express is None else self.express
        # Checked again: a workflow can't begin with an order that it can't read.
        return made(Order, vars(order) | {"deadline_seconds": seconds, "express": express}, {})


@dataclass(frozen=True)
class Placed:
    """A placed order: its run, its price, and whether it was placed before (`again`)."""

    run: "OrderRun"
    total: Money | None
    again: bool

    @property
    def order_id(self) -> str:
        """The id of the order."""
        return self.run.order_id


@dataclass(frozen=True)
class OrderRun:
    """The run of an order; `known` is its recorded result when Temporal no longer has the run."""

    order_id: str
    handle: Handle
    orders: Orders
    total: Money | None = None
    known: OrderResult | None = None

    async def ended(self) -> OrderResult:
        """Wait for the end; return the result of the workflow or of its failure, else the recorded one."""
        if self.known is not None:
            return self.known
        try:
            result: OrderResult = await self.handle.result()
        except WorkflowFailureError as failure:
            return result_in(failure, "OrderCompensated", OrderResult) or await self._recorded(failure.cause)
        return result

    async def without_workflow(self) -> OrderResult:
        """Return the recorded result when Temporal no longer has the run; raise WorkflowGone when it is open."""
        record = await self.orders.find(self.order_id)
        if record and record.status.final:
            return record.result()
        raise WorkflowGone(f"order {self.order_id} is open, but its workflow is gone; the reconciler recovers it")

    async def _recorded(self, cause: BaseException) -> OrderResult:
        record = await self.orders.find(self.order_id)
        cancelled = is_cancelled_exception(cause)
        if record and record.status.final:
            ended = record.result()
            return ended.model_copy(update={"status": Status.CANCELLED}) if cancelled else ended
        status = Status.CANCELLED if cancelled else Status.FAILED
        reason = f"its workflow ended without a result ({type(cause).__name__})"
        return OrderResult(order_id=self.order_id, status=status, total=self.total, reason=reason)

    def standing_still(self, state: ProcessState) -> OrderResult:
        """Return the result so far of an order, with the parked step and its error or the awaited event if it waits."""
        known: dict[str, Any] = {"order_id": self.order_id, "status": state.status, "total": self.total}
        if state.status not in STANDS_STILL:
            return OrderResult(**known, undone=undone_in(state))
        where = where_it_waits(state)
        if state.status is Status.WAITING:
            where["failed_step"] = None
        return OrderResult(**known, **where)


async def place(order: Order, client: Client, orders: Orders) -> Placed:
    """Place an order and return its run; the existing run when the order was placed before.

    Raises OrderRejected (unknown article or other total) and Conflict (another order has the id): nothing is started.
    """
    total, ended = await _accept(order, client, orders)
    if ended:
        return ended
    run = OrderRun(order.order_id, _handle(order.order_id, client), orders, total)
    try:
        # After a crash before this line, the caller places the order again or the reconciler starts it.
        handle = await client.start_workflow(
            names.ORDER_WORKFLOW,
            order,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            request_eager_start=True,
            **_start_options(order, total),
        )
    except WorkflowAlreadyStartedError:
        return Placed(run, total, again=True)
    return Placed(OrderRun(order.order_id, handle, orders, total), total, again=False)


async def place_within(
    order: Order, client: Client, orders: Orders, seconds: float, outages: Outages | None = None
) -> tuple[Placed, OrderResult]:
    """Place an order; return its outcome as soon as it has one or waits, or its status after `seconds`.

    Raises as `place`. Raises Unavailable when no worker answers: the order is placed and runs once a worker does. The
    wait uses no update: Temporal takes a limited number of updates for a run, and the commands need them. It outlasts
    an outage of Temporal, as `outages` does.
    """
    until = time.monotonic() + seconds
    try:
        async with asyncio.timeout(seconds + SLACK.total_seconds()):
            placed = await place(order, client, orders)
            result = await end_within(placed.run, max(0.0, until - time.monotonic()), outages)
    except TimeoutError:
        raise Unavailable(NO_WORKER_YET) from None
    except RPCError as error:
        # The start itself got no answer; a broken connection has the status CANCELLED, too.
        if error.status in NO_WORKER and not (error.status is RPCStatusCode.CANCELLED and is_outage(error)):
            raise Unavailable(NO_WORKER_YET) from None
        raise
    if result is None:
        raise Unavailable(NO_WORKER_YET)
    return placed, result


async def recorded_run(record: OrderRecord, client: Client, orders: Orders) -> Placed:
    """Return an order that was placed before: its run, or its recorded result when Temporal no longer has the run."""
    handle = _handle(record.order_id, client)
    known = None if await exists(handle) else record.result()
    return Placed(OrderRun(record.order_id, handle, orders, record.total, known), record.total, again=True)


async def _accept(order: Order, client: Client, orders: Orders) -> tuple[Money, Placed | None]:
    """Record an order in the orders table; return its price and, when it has already ended, its recorded run."""
    accepted = await orders.accept(order)
    record = accepted.record
    return accepted.total, await recorded_run(record, client, orders) if record.status.final else None


def _handle(order_id: str, client: Client) -> Handle:
    return handle_of(ProcessName(ProcessKind.ORDER, order_id), client)


def _start_options(order: Order, total: Money) -> dict[str, Any]:
    """Return the options of every start of an order's workflow."""
    return {
        "id": names.workflow_id(order.order_id),
        "task_queue": names.TASK_QUEUE,
        "result_type": OrderResult,
        "id_reuse_policy": WorkflowIDReusePolicy.REJECT_DUPLICATE,
        "static_summary": _summary(order, total),
        "static_details": _details(order, total),
    }


def _summary(order: Order, total: Money) -> str:
    articles = sum(line.quantity for line in order.lines)
    return f"{articles} article{'s' * (articles != 1)} · {total}"


def _details(order: Order, total: Money) -> str:
    """Return the order's details for the Web UI: articles and total, no personal data."""
    lines = "\n".join(f"| {line.sku} | {line.quantity} |" for line in order.lines)
    return f"**Order {order.order_id}**\n\n| article | \u2003quantity |\n|---|--:|\n{lines}\n\nTotal: **{total}**"
