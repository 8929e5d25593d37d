"""The reconciler's activities: recover a page of lost orders, bury what can't be recovered, give up stale alerts."""

import asyncio
from collections import Counter
from typing import Protocol

from temporalio import activity

from activities.lost_orders import CHANNEL, OpenOrdersService, ReceiptsService, Recovery
from models.activities.base import Closed
from models.dead_letters import Undeliverable
from models.errors import Final
from models.names import workflow_id
from models.order import Order
from models.recovery import FailedRecovery, Reconcile, Reconciled

# Questions to Temporal at the same time: it has others to serve.
AT_ONCE = 10


class DeadLetterChannel(Protocol):
    """What these activities need of the dead letter channel."""

    async def record(self, dead: Undeliverable) -> int:
        """Return the letter of an undeliverable message, made now or already there."""
        ...

    async def is_blocked(self, process_id: str, channel: str | None = None) -> bool:
        """Tell whether messages of a process wait behind a dead one."""
        ...


class UnsentAlertsService(Protocol):
    """What gives up alerts that reach no operator."""

    async def give_up(self, older_than: float) -> int:
        """Make the alerts of more than that many seconds ago dead letters; return how many."""
        ...


class RecoveryActivities:
    """Recover lost orders, and give up what can't be recovered or sent."""

    def __init__(
        self,
        orders: OpenOrdersService,
        inventory: ReceiptsService,
        letters: DeadLetterChannel,
        unsent: UnsentAlertsService,
    ) -> None:
        self._orders, self._inventory, self._letters, self._unsent = orders, inventory, letters, unsent

    @activity.defn
    async def recover_page(self, task: Reconcile) -> Reconciled:
        """Look at one page of open orders, and recover those whose workflow is gone."""
        page = await self._orders.page(task.after, task.limit, task.grace_seconds)
        recovery = Recovery(activity.client(), self._orders, self._inventory)
        gate = asyncio.Semaphore(AT_ONCE)

        async def recovered(order_id: str) -> str:
            async with gate:
                return await self._recovered(recovery, order_id)

        # All of them end before this does: what was left behind would go on without an activity, and without a worker.
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
        """Recover one order; one that can't be must not keep the others from it."""
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
        """Tell how an order was closed; None while it is open."""
        outcome = await self._orders.outcome(order.order_id)
        return Closed(outcome=outcome[0]) if outcome else None

    @activity.defn
    async def record_failed_recovery(self, failed: FailedRecovery) -> int:
        """Keep a recovery that failed for a person; return the number of its letter."""
        body = failed.order.model_dump_json().encode()
        dead = _dead(failed.order.order_id, body, "RecoveryFailed", failed.cause, failed.attempts)
        return await self._letters.record(dead)

    @activity.defn
    async def give_up_alerts(self, task: Reconcile) -> int:
        """Make the alerts that reached no operator in time dead letters; return how many."""
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
