"""Client for choreographed orders (choreography-based saga, microservices.io): place, follow and trace them."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from temporalio.service import RPCError

from activities.server_features import require_features
from client.connection import Connection
from client.handles import process_named
from messaging.trace.undelivered import CHANNEL
from models.dead_letters import DeadLetter
from models.errors import NotFound, Unavailable
from models.names import ProcessKind, workflow_id
from models.order import Order
from models.process import OrderResult, Status, Style
from models.server_features import STANDALONE_ACTIVITIES
from models.trace import TracedEvent
from services.assembly import Services
from services.orders.records import OrderRecord

LOOK_SECONDS = 0.1
SECONDS_TO_CHECK = 2.0
# How long an order at rest is polled for events that are traced after those that they caused.
SECONDS_TO_TRACE = 5.0


@dataclass(frozen=True)
class ChoreographedStatus:
    """The status of a choreographed order: its result so far, its events and its dead deliveries."""

    result: OrderResult
    events: list[TracedEvent]
    letters: list[DeadLetter]

    @property
    def at_rest(self) -> bool:
        """Whether the order has ended or waits for an operator."""
        return self.result.status.final or bool(self.letters)

    @property
    def whole(self) -> bool:
        """Whether no event is missing between those that were traced."""
        known = {event.event_id for event in self.events}
        return all(event.causation_id is None or event.causation_id in known for event in self.events)


class ChoreographedClient:
    """Places and follows choreographed orders, which have no workflow."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._checked = False

    async def place(self, order: Order) -> bool:
        """Place an order; return False when the same order was placed before.

        Raises OrderRejected, InvalidInput, Conflict (the id has another body, or the other style), Unavailable, and
        NotSetUp when the server can't deliver its events.
        """
        await self._check_server()
        return (await (await self._connection.services()).choreographed_orders.place(order)).new

    async def place_patiently(self, order: Order) -> bool:
        """Place an order as `place`, and outlast an outage of a database that was reached before."""
        await self._connection.services()
        calls = 0

        async def counted() -> bool:
            nonlocal calls
            calls += 1
            return await self.place(order)

        new = await self._connection.outages.outlast(counted)
        return new or calls > 1

    async def _check_server(self) -> None:
        """Check once that the server delivers events; an unreachable one delivers them when it is back."""
        if self._checked:
            return
        try:
            async with asyncio.timeout(SECONDS_TO_CHECK):
                await require_features(await self._connection.temporal(), STANDALONE_ACTIVITIES)
        except (TimeoutError, Unavailable, RPCError):
            return
        self._checked = True

    async def standing(self, order_id: str) -> ChoreographedStatus:
        """Return the status of an order; raise NotFound when no choreographed order has the id, Unavailable."""
        services = await self._connection.services()
        record = await services.orders.find(order_id)
        if record is None or record.style is not Style.CHOREOGRAPHED:
            raise NotFound(f"there is no choreographed order {order_id}")
        return await standing_of(record, services)

    async def is_choreographed(self, order_id: str) -> bool:
        """Return whether there is a choreographed order of this id; raise Unavailable."""
        record = await (await self._connection.services()).orders.find(order_id)
        return record is not None and record.style is Style.CHOREOGRAPHED

    async def trace(self, order: str) -> ChoreographedStatus:
        """Return the status of an order, given its id or path (`orders/ID`); raise NotFound, Conflict, Unavailable."""
        name = await process_named(order, self._connection, [ProcessKind.ORDER])
        return await self.standing(name.id)

    async def follow(
        self, order_id: str, seen: Callable[[ChoreographedStatus], None] = lambda _: None
    ) -> ChoreographedStatus:
        """Poll an order until it has ended or waits for an operator; each poll passes the status to `seen`."""
        since: float | None = None
        while True:
            standing = await self._connection.outages.outlast(lambda: self.standing(order_id))
            seen(standing)
            if standing.at_rest:
                since = since or time.monotonic()
                if standing.whole or time.monotonic() - since > SECONDS_TO_TRACE:
                    return standing
            await asyncio.sleep(LOOK_SECONDS)


async def standing_of(record: OrderRecord, services: Services) -> ChoreographedStatus:
    """Return the status of a choreographed order from its record, its events and its dead deliveries."""
    events = await services.trace.events(record.order_id)
    letters = await services.dead_letters.of_process(workflow_id(record.order_id), CHANNEL)
    result = record.result()
    if letters and not result.status.final:
        stuck = letters[-1]
        subscriber, reason = stuck.message_id.partition(":")[2], f"{stuck.error_type}: {stuck.cause}"
        changes = {"status": Status.NEEDS_ATTENTION, "failed_step": subscriber, "reason": reason}
        result = result.model_copy(update=changes)
    if events and not letters:
        result = result.model_copy(update={"tracking": events[-1].tracking})
    return ChoreographedStatus(result, events, letters)
