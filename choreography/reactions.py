"""The subscriptions of the choreography, in one table; no service coordinates the others."""

from collections.abc import Mapping

from choreography import inventory, orders, payments, shipping
from choreography.reaction import AlreadyDecided, Delivery, Reaction
from models.choreography import DomainEvent, EventData, EventType
from models.errors import AlreadyUndone, InvalidInput, Unavailable
from postgres.database import Database
from postgres.unit_of_work import unit_of_work
from services.assembly import Services

# Event type → subscriber → reaction. Compensation runs in reverse order: parcel, money, stock.
REACTIONS: Mapping[EventType, Mapping[str, Reaction]] = {
    EventType.ORDER_PLACED: {"inventory": inventory.reserve},
    EventType.STOCK_RESERVED: {"payments": payments.charge},
    EventType.STOCK_REJECTED: {"orders": orders.fail},
    EventType.PAYMENT_CHARGED: {"shipping": shipping.ship},
    EventType.PAYMENT_DECLINED: {"inventory": inventory.release},
    EventType.SHIPMENT_CREATED: {"payments": payments.settle},
    EventType.PAYMENT_SETTLED: {"inventory": inventory.settle},
    EventType.STOCK_SETTLED: {"orders": orders.complete},
    EventType.SHIPMENT_REFUSED: {"payments": payments.refund},
    EventType.ORDER_TIMED_OUT: {"shipping": shipping.recall},
    EventType.SHIPMENT_RECALLED: {"payments": payments.refund},
    EventType.PAYMENT_REFUNDED: {"inventory": inventory.release},
    EventType.STOCK_RELEASED: {"orders": orders.fail},
    EventType.ORDER_COMPLETED: {},
    EventType.ORDER_FAILED: {},
}
SUBSCRIBERS = frozenset(name for reactions in REACTIONS.values() for name in reactions)
REPEATED = "handled before"
TOO_LATE = "too late: the order goes back or has ended"


def subscribers_of(event: DomainEvent) -> tuple[str, ...]:
    """Return the subscribers of an event; raise InvalidInput when its type is unknown."""
    return tuple(_reactions_to(event))


def is_known(event: DomainEvent) -> bool:
    """Return whether this version knows the event's type."""
    return event.type in set(EventType)


def _reactions_to(event: DomainEvent) -> Mapping[str, Reaction]:
    try:
        return REACTIONS[EventType(event.type)]
    except ValueError:
        raise InvalidInput("type", f"{event.type} is not a known event type") from None


class Subscribers:
    """Runs a service's reaction to an event exactly once, for any number and order of deliveries."""

    def __init__(self, services: Services) -> None:
        self._services, self._outbox = services, services.outbox

    async def handle(self, subscriber: str, event: DomainEvent, attempt: int = 1) -> str:
        """Run the reaction; return the type of the event that follows, REPEATED or TOO_LATE. `attempt` is 1-based.

        Raises Unavailable to request redelivery, Final or InvalidInput when a redelivery can't succeed.
        """
        reaction = _reactions_to(event).get(subscriber)
        if reaction is None:
            raise InvalidInput("subscriber", f"{subscriber} does not subscribe to {event.type}")
        data = EventData.of(event)
        if await self._outbox.consumed(self._services.db, subscriber, event):
            return REPEATED
        try:
            return await self._react(reaction, subscriber, event, data, attempt)
        except AlreadyDecided:
            return REPEATED
        except AlreadyUndone as late:
            if not await self._outbox.superseded(self._services.db, event.process_id):
                # A concurrent attempt of the same delivery is undoing the effect.
                raise Unavailable(str(late)) from late
        await self._outbox.consume(self._services.db, subscriber, event)
        return TOO_LATE

    async def _react(
        self, reaction: Reaction, subscriber: str, event: DomainEvent, data: EventData, attempt: int
    ) -> str:
        """Commit the effect, the mark that the event was consumed, and the next event in one transaction."""

        async def decided(db: Database) -> bool:
            return await self._outbox.consumed(db, subscriber, event)

        async with unit_of_work(self._services.db) as unit:
            within = self._services.within(unit)
            follows, following_data = await reaction(Delivery(data, attempt, within, self._services, decided))
            if not await self._outbox.consume(unit, subscriber, event):
                return REPEATED
            await self._outbox.append(unit, follows, following_data, event)
        return follows.value
