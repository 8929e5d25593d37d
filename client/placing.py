"""Placing an order: accepted by the database first, then run by Temporal, once, however often it is placed."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowFailureError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError, is_cancelled_exception
from temporalio.service import RPCError, RPCStatusCode

from client.handles import NO_WORKER, Handle, exists, handle_of
from client.progress import end_of, result_in
from models import names
from models.commands import OutcomeWait
from models.errors import Unavailable
from models.money import Money
from models.names import ProcessKind, ProcessName
from models.order import Order
from models.process import OrderResult, ProcessState, Status
from services.orders.orders import Orders
from services.orders.records import OrderRecord

NO_WORKER_YET = "the order is placed, and no worker answers: it runs once one does"
# What the server and the way there may take, beside the time that the caller is ready to wait.
SLACK = timedelta(seconds=5)


@dataclass(frozen=True)
class RunOptions:
    """How orders are to be run: how long they may take, in seconds, and whether express; None leaves it to others."""

    deadline: int | None = None
    express: bool | None = None

    def on(self, order: Order, defaults: "RunOptions") -> Order:
        """Return the order with these options; where there is none, with its own; else with the defaults."""
        seconds = self.deadline or order.deadline_seconds or defaults.deadline
        express = order.express or bool(defaults.express) if self.express is None else self.express
        return order.model_copy(update={"deadline_seconds": seconds, "express": express})


@dataclass(frozen=True)
class Placed:
    """An order that is in: its price, whether it was before, and its run."""

    run: "OrderRun"
    total: Money | None
    again: bool

    @property
    def order_id(self) -> str:
        """The id of the order."""
        return self.run.order_id


@dataclass(frozen=True)
class OrderRun:
    """The run of an order, to be followed; `known` is how the order ended, where Temporal has no run of it any more."""

    order_id: str
    handle: Handle
    orders: Orders
    total: Money | None = None
    known: OrderResult | None = None

    async def ended(self) -> OrderResult:
        """Wait for the end; return what the workflow returned or carries in its failure, else what the table has."""
        if self.known is not None:
            return self.known
        try:
            result: OrderResult = await self.handle.result()
        except WorkflowFailureError as failure:
            return result_in(failure, "OrderCompensated", OrderResult) or await self._recorded(failure.cause)
        return result

    async def _recorded(self, cause: BaseException) -> OrderResult:
        record = await self.orders.find(self.order_id)
        cancelled = is_cancelled_exception(cause)
        if record and record.status.final:
            ended = record.result()
            return ended.model_copy(update={"status": Status.CANCELLED}) if cancelled else ended
        status = Status.CANCELLED if cancelled else Status.FAILED
        reason = f"its workflow ended without an answer ({type(cause).__name__})"
        return OrderResult(order_id=self.order_id, status=status, total=self.total, reason=reason)

    def standing_still(self, state: ProcessState) -> OrderResult:
        """Return an order that waits: for a person, with the parked step and why; or for which event."""
        known: dict[str, Any] = {"order_id": self.order_id, "status": state.status, "total": self.total}
        if state.status is Status.WAITING:
            reason = next((step.summary for step in reversed(state.history) if step.direction == "wait"), None)
            return OrderResult(**known, reason=reason)
        parked = next((step for step in state.history if step.status == "parked"), None)
        failed_step = parked.step if parked else state.current_step
        return OrderResult(**known, failed_step=failed_step, reason=parked.error if parked else None)


async def place(order: Order, client: Client, orders: Orders) -> Placed:
    """Place an order and return its run, the old one when it was placed before.

    Raises OrderRejected when the catalogue says no, Conflict when the id is another order's; nothing is started then.
    """
    total, ended = await _accept(order, client, orders)
    if ended:
        return ended
    run = OrderRun(order.order_id, _handle(order.order_id, client), orders, total)
    try:
        # A crash before this is mended by placing again.
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


async def place_within(order: Order, client: Client, orders: Orders, seconds: float) -> tuple[Placed, OrderResult]:
    """Place an order and return its outcome in one call, if it comes in time; else where it is by then.

    Raises as `place` does; Unavailable when no worker answers, and then the order is placed all the same.
    """
    total, ended = await _accept(order, client, orders)
    if ended:
        return ended, await end_of(ended.run)
    start = WithStartWorkflowOperation[object, OrderResult](
        names.ORDER_WORKFLOW,
        order,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        **_start_options(order, total),
    )
    placed = Placed(OrderRun(order.order_id, _handle(order.order_id, client), orders, total), total, again=False)
    try:
        result: OrderResult = await client.execute_update_with_start_workflow(
            "outcome",
            OutcomeWait(seconds=seconds),
            start_workflow_operation=start,
            result_type=OrderResult,
            rpc_timeout=timedelta(seconds=seconds) + SLACK,
        )
    except WorkflowUpdateRPCTimeoutOrCancelledError:
        raise Unavailable(NO_WORKER_YET) from None
    except (WorkflowAlreadyStartedError, WorkflowUpdateFailedError, RPCError) as error:
        if isinstance(error, RPCError) and error.status in NO_WORKER:  # already its start came to no answer
            raise Unavailable(NO_WORKER_YET) from None
        if isinstance(error, RPCError) and error.status is not RPCStatusCode.NOT_FOUND:
            raise
        # It ended between our look at it and the call: what it came to is there to be asked for.
        return placed, await end_of(placed.run)
    return placed, result


async def recorded_run(record: OrderRecord, client: Client, orders: Orders) -> Placed:
    """Return an order that was placed before: its run while Temporal still has it, else what the table says."""
    handle = _handle(record.order_id, client)
    known = None if await exists(handle) else record.result()
    return Placed(OrderRun(record.order_id, handle, orders, record.total, known), record.total, again=True)


async def _accept(order: Order, client: Client, orders: Orders) -> tuple[Money, Placed | None]:
    """Have the orders table take an order; return its price and, when it has ended long ago, what came of it."""
    accepted = await orders.accept(order)
    record = accepted.record
    return accepted.total, await recorded_run(record, client, orders) if record.status.final else None


def _handle(order_id: str, client: Client) -> Handle:
    return handle_of(ProcessName(ProcessKind.ORDER, order_id), client)


def _start_options(order: Order, total: Money) -> dict[str, Any]:
    """Return what every start of an order's run says of it."""
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
    """The order as the Web UI shows it: what and how much, nothing about whom."""
    lines = "\n".join(f"| {line.sku} | {line.quantity} |" for line in order.lines)
    return f"**Order {order.order_id}**\n\n| article | \u2003quantity |\n|---|--:|\n{lines}\n\nTotal: **{total}**"
