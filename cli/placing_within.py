"""Placing an order and hearing of its outcome in one call: for callers elsewhere, who don't want to ask twice."""

from datetime import timedelta

from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from cli.following import NOBODY, end_of
from cli.placing import Placed, accept, run_of, start_options
from models import names
from models.commands import Patience
from models.errors import Unavailable
from models.order import Order
from models.process import OrderResult
from services.orders.orders import Orders

NOBODY_YET = "the order is placed, and no worker answers: it runs once one does"
# What the server and the way there may take, beside the time that the caller is ready to wait.
SLACK = timedelta(seconds=5)


async def place_within(order: Order, client: Client, orders: Orders, seconds: float) -> tuple[Placed, OrderResult]:
    """Place an order; return its outcome if it comes in time, else where it is by then.

    Raises as `place` does; Unavailable when no worker answers, and then the order is placed all the same.
    """
    total, ended = await accept(order, client, orders)
    if ended:
        return ended, await end_of(ended, orders)
    start = WithStartWorkflowOperation[object, OrderResult](
        names.ORDER_WORKFLOW,
        order,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        **start_options(order, total),
    )
    placed = Placed(order.order_id, total, again=False, handle=run_of(order.order_id, client))
    try:
        result: OrderResult = await client.execute_update_with_start_workflow(
            "outcome",
            Patience(seconds=seconds),
            start_workflow_operation=start,
            result_type=OrderResult,
            rpc_timeout=timedelta(seconds=seconds) + SLACK,
        )
    except WorkflowUpdateRPCTimeoutOrCancelledError:
        raise Unavailable(NOBODY_YET) from None
    except (WorkflowAlreadyStartedError, WorkflowUpdateFailedError, RPCError) as error:
        if isinstance(error, RPCError) and error.status in NOBODY:  # already its start came to no answer
            raise Unavailable(NOBODY_YET) from None
        if isinstance(error, RPCError) and error.status is not RPCStatusCode.NOT_FOUND:
            raise
        # It ended between our look at it and the call: what it came to is there to be asked for.
        return placed, await end_of(placed, orders)
    return placed, result
