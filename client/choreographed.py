"""Choreographed orders: placed, followed and traced by the events of their services."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from client.connection import Connection
from client.handles import process_named
from messaging.outbox.feed import CHANNEL
from models.choreography import DomainEvent, EventData
from models.dead_letters import DeadLetter
from models.errors import NotFound
from models.names import ProcessKind, workflow_id
from models.order import Order
from models.process import OrderResult, Status, Style

LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class ChoreographedStatus:
    """Where a choreographed order is: its result so far, its events, its deliveries that failed for good."""

    result: OrderResult
    events: list[DomainEvent]
    letters: list[DeadLetter]

    @property
    def at_rest(self) -> bool:
        """Whether it ended, or waits for a person."""
        return self.result.status.final or bool(self.letters)


class ChoreographedClient:
    """Places and follows orders that no workflow conducts."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def place(self, order: Order) -> bool:
        """Place an order, once; return whether it is new.

        Raises OrderRejected, InvalidInput, Conflict (another body, or placed in the other style), Unavailable.
        """
        return (await (await self._connection.services()).choreographed_orders.place(order)).new

    async def standing(self, order_id: str) -> ChoreographedStatus:
        """Return where an order is; raise NotFound when it was not placed so, Unavailable."""
        services = await self._connection.services()
        record = await services.orders.find(order_id)
        if record is None or record.style is not Style.CHOREOGRAPHED:
            raise NotFound(f"there is no choreographed order {order_id}")
        events = await services.outbox.events(services.db, order_id)
        letters = await services.dead_letters.of_process(workflow_id(order_id), CHANNEL)
        result = record.result()
        if letters and not result.status.final:
            stuck = letters[-1]
            subscriber, reason = stuck.message_id.partition(":")[2], f"{stuck.error_type}: {stuck.cause}"
            changes = {"status": Status.NEEDS_ATTENTION, "failed_step": subscriber, "reason": reason}
            result = result.model_copy(update=changes)
        if events and not letters:
            result = result.model_copy(update={"tracking": EventData.of(events[-1]).tracking})
        return ChoreographedStatus(result, events, letters)

    async def trace(self, order: str) -> ChoreographedStatus:
        """Return where the order is that a text means; raise NotFound, Conflict, Unavailable."""
        name = await process_named(order, self._connection, [ProcessKind.ORDER])
        return await self.standing(name.id)

    async def follow(
        self, order_id: str, seen: Callable[[ChoreographedStatus], None] = lambda _: None
    ) -> ChoreographedStatus:
        """Look at an order until it ended or waits for a person; `seen` gets where it is, again and again."""
        while True:
            standing = await self.standing(order_id)
            seen(standing)
            if standing.at_rest:
                return standing
            await asyncio.sleep(LOOK_SECONDS)
