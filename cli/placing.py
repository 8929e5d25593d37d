"""Placing an order: accepted by the database first, then run by Temporal, once, however often it is placed."""

from dataclasses import dataclass
from typing import Any

from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from models import names
from models.money import Money
from models.order import Order
from models.process import OrderResult
from runtime.settings import Settings
from services.orders.orders import Orders
from services.orders.records import OrderRecord

Handle = WorkflowHandle[object, OrderResult]


@dataclass(frozen=True)
class Placed:
    """An order that is in: its price, and its run; without a run, how it ended long ago."""

    order_id: str
    total: Money | None
    again: bool
    handle: Handle | None
    ended: OrderResult | None = None


@dataclass(frozen=True)
class Wishes:
    """How orders are to be run, where a person said so: how long they may take, in seconds, and whether express."""

    deadline: int | None = None
    express: bool | None = None

    def on(self, order: Order, settings: Settings) -> Order:
        """Return the order with these wishes; where there is none, its own; else what is set for all."""
        seconds = self.deadline or order.deadline_seconds or settings.deadline_seconds
        express = order.express or settings.express if self.express is None else self.express
        return order.model_copy(update={"deadline_seconds": seconds, "express": express})


async def place(order: Order, client: Client, orders: Orders) -> Placed:
    """Place an order and return its run, the old one when it was placed before.

    Raises OrderRejected when the catalogue says no, Conflict when the id is another order's; nothing is started then.
    """
    total, ended = await accept(order, client, orders)
    return ended or await _started(order, total, client)


async def accept(order: Order, client: Client, orders: Orders) -> tuple[Money, Placed | None]:
    """Have the orders table take an order; return its price and, when it has ended long ago, what came of it."""
    accepted = await orders.accept(order)
    record = accepted.record
    return accepted.total, await _ended(record, client) if record.status.final else None


async def _started(order: Order, total: Money, client: Client) -> Placed:
    """Start the run, or find the one that another caller started; a crash before it is mended by placing again."""
    try:
        handle = await client.start_workflow(
            names.ORDER_WORKFLOW,
            order,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            request_eager_start=True,
            **start_options(order, total),
        )
    except WorkflowAlreadyStartedError:
        return Placed(order.order_id, total, again=True, handle=run_of(order.order_id, client))
    return Placed(order.order_id, total, again=False, handle=handle)


def start_options(order: Order, total: Money) -> dict[str, Any]:
    """Return what every start of an order's run says of it."""
    return {
        "id": names.workflow_id(order.order_id),
        "task_queue": names.TASK_QUEUE,
        "result_type": OrderResult,
        "id_reuse_policy": WorkflowIDReusePolicy.REJECT_DUPLICATE,
        "static_summary": _summary(order, total),
        "static_details": _details(order, total),
    }


async def _ended(record: OrderRecord, client: Client) -> Placed:
    """An order that ended: its run while Temporal still has it, else what the orders table says."""
    handle = run_of(record.order_id, client)
    ended = None if await exists(handle) else record.result()
    return Placed(record.order_id, record.total, again=True, handle=None if ended else handle, ended=ended)


def run_of(order_id: str, client: Client) -> Handle:
    """Return the handle on an order's run, which may not exist."""
    return client.get_workflow_handle(names.workflow_id(order_id), result_type=OrderResult)


async def exists(handle: Handle) -> bool:
    """Tell whether Temporal still has this run."""
    try:
        await handle.describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return True


def _summary(order: Order, total: Money) -> str:
    articles = sum(line.quantity for line in order.lines)
    return f"{articles} article{'s' * (articles != 1)} · {total}"


def _details(order: Order, total: Money) -> str:
    """The order as the Web UI shows it: what and how much, nothing about whom."""
    lines = "\n".join(f"| {line.sku} | {line.quantity} |" for line in order.lines)
    return f"**Order {order.order_id}**\n\n| article | \u2003quantity |\n|---|--:|\n{lines}\n\nTotal: **{total}**"
