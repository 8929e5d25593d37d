"""Recovery of orders whose workflow is lost: a recovery workflow starts under the order's own workflow id.

Temporal runs at most one workflow per id. So the recovery of an order with a running workflow can't start, and of
several concurrent recoveries exactly one starts.
"""

import asyncio
from typing import Literal, Protocol

from pydantic import ValidationError
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowFailureError, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from activities.finished_runs import refuse_completed
from activities.last_run import LastRun, last_run
from models.dead_letters import DeadLetter
from models.errors import Final, Unavailable
from models.names import ORDER_WORKFLOW, RECOVERY_WORKFLOW, TASK_QUEUE, key, workflow_id
from models.order import Order
from models.problems import first_problem
from models.recovery import LostOrder, OpenOrder

CHANNEL = "recovery"
# Temporal's answer is the same in both cases.
NEVER_OR_DELETED = "never started, or deleted"
Recovered = Literal["alive", "closed", "started", "recovering"]
ENDED = {
    WorkflowExecutionStatus.COMPLETED,
    WorkflowExecutionStatus.FAILED,
    WorkflowExecutionStatus.CANCELED,
    WorkflowExecutionStatus.TERMINATED,
    WorkflowExecutionStatus.TIMED_OUT,
}
# An accepted order that never started is started only while its customer may still expect that.
YOUNG_SECONDS = 3600.0
SECONDS_TO_RECOVER = 30.0


class OpenOrdersService(Protocol):
    """The port to the orders service."""

    async def page(self, after: str | None, limit: int, grace: float) -> list[str]:
        """Return the ids of up to `limit` open orders older than `grace` seconds, in order, after the id `after`."""
        ...

    async def read(self, order_id: str) -> OpenOrder | None:
        """Return an open order, None when it is closed or unknown."""
        ...

    async def outcome(self, order_id: str) -> tuple[str, str] | None:
        """Return the status and the reason of a closed order, None while it is open."""
        ...


class ReceiptsService(Protocol):
    """The port to the service of an order's first effect."""

    async def has_receipt(self, key: str) -> bool:
        """Return whether the service has received a do or an undo with the key."""
        ...


class Recovery:
    """Detects lost orders, and starts or recovers them."""

    def __init__(self, client: Client, orders: OpenOrdersService, inventory: ReceiptsService) -> None:
        self._client, self._orders, self._inventory = client, orders, inventory

    async def lost(self, order_id: str) -> str | None:
        """Return how an order's workflow was lost, None while it runs; raise RPCError."""
        try:
            described = await self._client.get_workflow_handle(workflow_id(order_id)).describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return NEVER_OR_DELETED
            raise
        return described.status.name.lower() if described.status in ENDED else None

    async def recover(self, order_id: str) -> Recovered:
        """Start or recover an order if it is lost, and return its state then.

        Raises Final if the stored body is invalid or the workflow completed, Unavailable, and RPCError.
        """
        cause = await self.lost(order_id)
        if cause is None:
            return "alive"
        # Read after the check: the workflow may have closed the order and ended since then.
        found = await self._orders.read(order_id)
        if found is None:
            return "closed"
        refuse_completed(workflow_id(order_id), cause)
        order = _order(found)
        # Without a receipt of the first step there is no effect to undo, and a start can't repeat one.
        untouched = not await self._inventory.has_receipt(key(order_id, "reserve"))
        if untouched and found.age_seconds < YOUNG_SECONDS and cause == NEVER_OR_DELETED:
            started = await self._start(ORDER_WORKFLOW, order, order_id, WorkflowIDReusePolicy.REJECT_DUPLICATE)
            return "started" if started else "alive"
        left = LastRun() if cause == NEVER_OR_DELETED else await last_run(self._client, order_id)
        lost = LostOrder(order=order, total=found.total, cause=f"its workflow was {cause}", **vars(left))
        started = await self._start(RECOVERY_WORKFLOW, lost, order_id, WorkflowIDReusePolicy.ALLOW_DUPLICATE)
        return "recovering" if started else "alive"

    async def _start(self, kind: str, argument: Order | LostOrder, order_id: str, reuse: WorkflowIDReusePolicy) -> bool:
        """Start a workflow under the order's id; return False when another recovery was first."""
        try:
            await self._client.start_workflow(
                kind,
                argument,
                id=workflow_id(order_id),
                task_queue=TASK_QUEUE,
                id_reuse_policy=reuse,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                static_summary="found by the reconciler" if kind == ORDER_WORKFLOW else "recover a lost order",
            )
        except WorkflowAlreadyStartedError:
            return False
        return True


class RecoveryRedriver:
    """Repeats the recovery of an order whose recovery failed."""

    def __init__(self, client: Client, recovery: Recovery) -> None:
        self._client, self._recovery = client, recovery

    async def redrive(self, letter: DeadLetter) -> None:
        """Start the recovery and wait up to SECONDS_TO_RECOVER for its end; raise Unavailable when it fails again."""
        await self._recovery.recover(letter.message_id)
        handle: WorkflowHandle[object, object] = self._client.get_workflow_handle(workflow_id(letter.message_id))
        try:
            async with asyncio.timeout(SECONDS_TO_RECOVER):
                await handle.result()
        except TimeoutError:
            # The recovery continues; if it fails, its dead letter opens again.
            return
        except WorkflowFailureError as error:
            if isinstance(error.cause, ApplicationError) and error.cause.type == "RecoveryFailed":
                raise Unavailable(error.cause.message) from error

    async def discard(self, letter: DeadLetter, unit: object) -> None:
        """Do nothing: the order stays open, and the reconciler checks it again."""


def _order(found: OpenOrder) -> Order:
    try:
        return Order.model_validate_json(found.body)
    except ValidationError as error:
        field, problem = first_problem(error)
        raise Final(f"the stored order can't be read: {field or 'order'}: {problem}") from None
