"""Recovery of orders whose workflow is gone: found by asking Temporal, started again under the order's own workflow id.

Temporal runs one workflow for an id at a time. So an order that somebody looks after can't be recovered, and of any
number of recoverers one gets it.
"""

import asyncio
from typing import Literal, Protocol

from pydantic import ValidationError
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowFailureError, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from activities.last_run import LastRun, last_run
from models.dead_letters import DeadLetter
from models.errors import Final, Unavailable
from models.names import ORDER_WORKFLOW, RECOVERY_WORKFLOW, TASK_QUEUE, key, workflow_id
from models.order import Order
from models.problems import first_problem
from models.recovery import LostOrder, OpenOrder

CHANNEL = "recovery"
# Temporal can't tell these two apart.
NEVER_OR_DELETED = "never started, or deleted"
Recovered = Literal["alive", "closed", "started", "recovering"]
ENDED = {
    WorkflowExecutionStatus.COMPLETED,
    WorkflowExecutionStatus.FAILED,
    WorkflowExecutionStatus.CANCELED,
    WorkflowExecutionStatus.TERMINATED,
    WorkflowExecutionStatus.TIMED_OUT,
}
# What was accepted and never started is started as long as its customer may still expect that.
YOUNG_SECONDS = 3600.0
SECONDS_TO_RECOVER = 30.0


class OpenOrdersService(Protocol):
    """What recovery needs of the orders service."""

    async def page(self, after: str | None, limit: int, grace: float) -> list[str]:
        """Return the ids of up to `limit` open orders older than `grace` seconds, from behind `after`."""
        ...

    async def read(self, order_id: str) -> OpenOrder | None:
        """Return an open order, None when it was closed or never came."""
        ...

    async def outcome(self, order_id: str) -> tuple[str, str] | None:
        """Return the status and the reason with which an order was closed, None while it is open."""
        ...


class ReceiptsService(Protocol):
    """What recovery needs of the service that comes first."""

    async def has_receipt(self, key: str) -> bool:
        """Tell whether a do or an undo ever came under the key."""
        ...


class Recovery:
    """Finds out whether an order is lost, and starts what brings it to its end."""

    def __init__(self, client: Client, orders: OpenOrdersService, inventory: ReceiptsService) -> None:
        self._client, self._orders, self._inventory = client, orders, inventory

    async def lost(self, order_id: str) -> str | None:
        """Return how an order's workflow went away, None while it is there."""
        try:
            described = await self._client.get_workflow_handle(workflow_id(order_id)).describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return NEVER_OR_DELETED
            raise
        return described.status.name.lower() if described.status in ENDED else None

    async def recover(self, order_id: str) -> Recovered:
        """Bring an order to its end if it is lost; raise Final when what is kept of it can't be read, Unavailable."""
        cause = await self.lost(order_id)
        if cause is None:
            return "alive"
        # Read only now: its workflow may have closed it and ended while we asked.
        found = await self._orders.read(order_id)
        if found is None:
            return "closed"
        order = _order(found)
        # Nobody was ever asked for anything: nothing to undo, nothing that a start could do twice.
        untouched = not await self._inventory.has_receipt(key(order_id, "reserve"))
        if untouched and found.age_seconds < YOUNG_SECONDS and cause == NEVER_OR_DELETED:
            started = await self._start(ORDER_WORKFLOW, order, order_id, WorkflowIDReusePolicy.REJECT_DUPLICATE)
            return "started" if started else "alive"
        left = LastRun() if cause == NEVER_OR_DELETED else await last_run(self._client, order_id)
        lost = LostOrder(order=order, total=found.total, cause=f"its workflow was {cause}", **vars(left))
        started = await self._start(RECOVERY_WORKFLOW, lost, order_id, WorkflowIDReusePolicy.ALLOW_DUPLICATE)
        return "recovering" if started else "alive"

    async def _start(self, kind: str, argument: Order | LostOrder, order_id: str, reuse: WorkflowIDReusePolicy) -> bool:
        """Start a workflow under the order's own id; False when somebody else did."""
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
    """Recovers again an order whose recovery came to nothing."""

    def __init__(self, client: Client, recovery: Recovery) -> None:
        self._client, self._recovery = client, recovery

    async def redrive(self, letter: DeadLetter) -> None:
        """Start the recovery and wait for its end, a while; raise what it came to when it failed again."""
        await self._recovery.recover(letter.message_id)
        handle: WorkflowHandle[object, object] = self._client.get_workflow_handle(workflow_id(letter.message_id))
        try:
            async with asyncio.timeout(SECONDS_TO_RECOVER):
                await handle.result()
        except TimeoutError:
            # It goes on by itself, and comes back here if it fails.
            return
        except WorkflowFailureError as error:
            if isinstance(error.cause, ApplicationError) and error.cause.type == "RecoveryFailed":
                raise Unavailable(error.cause.message) from error

    async def discard(self, letter: DeadLetter, unit: object) -> None:
        """Leave the order open: the reconciler looks at it again."""


def _order(found: OpenOrder) -> Order:
    try:
        return Order.model_validate_json(found.body)
    except ValidationError as error:
        field, problem = first_problem(error)
        raise Final(f"what is kept of the order can't be read: {field or 'order'}: {problem}") from None
