"""The reconciler's activities: recover a page of lost orders, record dead letters, give up undeliverable alerts."""

import asyncio
from collections import Counter
from typing import Protocol

from temporalio import activity

from activities.installation import InstallationRecord, check_installation
from activities.lost_orders import CHANNEL, OpenOrdersService, ReceiptsService, Recovery
from models.activities.base import Closed
from models.dead_letters import Undeliverable
from models.errors import Final
from models.names import workflow_id
from models.order import Order
from models.recovery import FailedRecovery, Reconcile, Reconciled

# The limit of concurrent requests to the Temporal server.
CONCURRENT_ORDERS = 10


class DeadLetterChannel(Protocol):
    """The port to the dead letters."""

    async def record(self, dead: Undeliverable) -> int:
        """Return the number of the message's dead letter, after creating it if there is none."""
        ...

    async def is_blocked(self, process_id: str, channel: str | None = None) -> bool:
        """Return whether messages of a process wait behind a dead letter."""
        ...


class UnsentAlertsService(Protocol):
    """The port to the alerts that no operator has received."""

    async def give_up(self, older_than: float) -> int:
        """Turn unsent alerts older than `older_than` seconds into dead letters; return how many."""
        ...


class RecoveryActivities:
    """Activities that recover lost orders, and record dead letters for failed recoveries and unsent alerts."""

    def __init__(
        self,
        orders: OpenOrdersService,
        inventory: ReceiptsService,
        letters: DeadLetterChannel,
        unsent: UnsentAlertsService,
        installation: InstallationRecord,
    ) -> None:
        self._orders, self._inventory, self._letters, self._unsent = orders, inventory, letters, unsent
        self._installation = installation

    @activity.defn
    async def recover_page(self, task: Reconcile) -> Reconciled:
        """Check one page of open orders, and start the recovery of those whose workflow is lost.

        Raises WrongInstallation: an order of another installation has no workflow here, but it isn't lost.
        """
        await check_installation(activity.client(), self._installation)
        page = await self._orders.page(task.after, task.limit, task.grace_seconds)
        recovery = Recovery(activity.client(), self._orders, self._inventory)
        gate = asyncio.Semaphore(CONCURRENT_ORDERS)

        async def recovered(order_id: str) -> str:
            async with gate:
                return await self._recovered(recovery, order_id)

        # Wait for all of them, also after an error: a task must not outlive the activity and its worker.
        answers = await asyncio.gather(*map(recovered, page), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        count = Counter(answers)
        return Reconciled(
            looked_at=len(page),
            started=count["started"],
            recovering=count["recovering"],
            dead=count["dead"],
            next=page[-1] if len(page) == task.limit else None,
        )

    async def _recovered(self, recovery: Recovery, order_id: str) -> str:
        """Recover one order; an order that can't be recovered becomes a dead letter, and the page goes on."""
        if await self._letters.is_blocked(workflow_id(order_id), CHANNEL):
            return "blocked"
        try:
            return await recovery.recover(order_id)
        except Final as error:
            found = await self._orders.read(order_id)
            body = found.body.encode() if found else b""
            await self._letters.record(_dead(order_id, body, type(error).__name__, str(error), attempts=1))
            return "dead"

    @activity.defn
    async def read_outcome(self, order: Order) -> Closed | None:
        """Return the outcome of a closed order, None while it is open."""
        outcome = await self._orders.outcome(order.order_id)
        return Closed(outcome=outcome[0]) if outcome else None

    @activity.defn
    async def record_failed_recovery(self, failed: FailedRecovery) -> int:
        """Record a failed recovery as a dead letter; return its number."""
        body = failed.order.model_dump_json().encode()
        dead = _dead(failed.order.order_id, body, "RecoveryFailed", failed.cause, failed.attempts)
        return await self._letters.record(dead)

    @activity.defn
    async def give_up_alerts(self, task: Reconcile) -> int:
        """Turn the alerts that no operator received in time into dead letters; return how many."""
        return await self._unsent.give_up(task.alert_seconds)


def _dead(order_id: str, body: bytes, error_type: str, cause: str, attempts: int) -> Undeliverable:
    return Undeliverable(
        channel=CHANNEL,
        message_id=order_id,
        original=body,
        error_type=error_type,
        cause=cause,
        attempts=attempts,
        process_id=workflow_id(order_id),
        correlation_id=order_id,
        place="the recovery of a lost order",
    )
