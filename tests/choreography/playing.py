"""Choreographed orders without a Temporal server: a test delivers the events itself."""

from choreography.reactions import Subscribers
from messaging.outbox.outbox import Outbox
from models.choreography import SUBSCRIBER, DomainEvent, EventData, EventType
from models.errors import Unavailable
from models.order import Order
from models.trace import TracedEvent
from postgres.unit_of_work import unit_of_work
from services.assembly import Services
from tests.choreography.conftest import stored_events

OUTBOX = Outbox("orders")


async def place(services: Services, order: Order) -> DomainEvent:
    """Place an order; return its first event."""
    await services.choreographed_orders.place(order)
    (placed,) = await events_of(services, order.order_id)
    return placed


async def original(services: Services, event: TracedEvent) -> DomainEvent:
    """Return a traced event as its service has stored it."""
    (stored,) = await services.feed(event.publisher).read([event.event_id])
    return stored.event


async def events_of(services: Services, order_id: str) -> list[DomainEvent]:
    """Return all events of an order, by cause."""
    return [await original(services, event) for event in await stored_events(services, order_id)]


async def last_of(services: Services, order_id: str, of_type: str) -> DomainEvent:
    """Return the last event of this type of an order."""
    return [event for event in await events_of(services, order_id) if event.type == of_type][-1]


async def play(subscribers: Subscribers, event: DomainEvent) -> str:
    """Deliver one event as the relay would, with retries; return the outcome, an empty text without a subscriber."""
    subscriber = SUBSCRIBER[EventType(event.type)]
    if subscriber is None:
        return ""
    for attempt in range(1, 9):
        try:
            return await subscribers.handle(subscriber, event, attempt)
        except Unavailable:
            assert attempt < 8
    raise AssertionError


async def play_out(services: Services, subscribers: Subscribers, order_id: str) -> list[DomainEvent]:
    """Deliver every event behind its cause until there are no new ones; return all events."""
    done = set[str]()
    while True:
        events = await events_of(services, order_id)
        new = [event for event in events if event.event_id not in done]
        if not new:
            return events
        for event in new:
            await play(subscribers, event)
            done.add(event.event_id)


async def turn_back(services: Services, last: DomainEvent) -> DomainEvent:
    """Turn an order back as the watcher does, behind its event; return OrderTimedOut; raise AlreadyUndone."""
    async with unit_of_work(services.db) as unit:
        appended = await OUTBOX.append(
            unit, EventType.ORDER_TIMED_OUT, EventData.of(last), cause=last.event_id, correlation_id=last.correlation_id
        )
        await services.trace.advance(unit, appended)
    return appended
