"""The redrive of deliveries: an event that a subscriber could not handle is delivered to it again."""

import asyncio

from messaging.outbox.feed import UNKNOWN, OutboxFeed
from models.choreography import PIVOT, DomainEvent
from models.dead_letters import DeadLetter
from models.errors import Conflict, NotFound
from postgres.database import Database
from services.assembly import Services

SECONDS_TO_HANDLE = 30.0
SECONDS_BETWEEN_LOOKS = 0.1


class DeliveryRedriver:
    """The implementation of messaging.dead_letters.redrive.Redriver for the channel of deliveries."""

    def __init__(self, services: Services) -> None:
        self._services, self._feed = services, services.outbox_feed

    async def redrive(self, letter: DeadLetter) -> bool:
        """Deliver the event again, and wait up to SECONDS_TO_HANDLE; return False when it is not handled by then.

        Raises NotFound when the outbox has no such event.

        A delivery that fails permanently opens its letter again. One that isn't dead any more, because a redrive
        before this one was interrupted, is only waited for.
        """
        event, subscriber = _of(letter)
        redriven = event is not None and await self._feed.redrive(event.event_id, subscriber)
        if event is None or not (redriven or await self._feed.read(event.event_id)):
            raise NotFound(f"{letter.message_id}: the outbox does not have this event")
        try:
            async with asyncio.timeout(SECONDS_TO_HANDLE):
                while not await self._over(event, subscriber):  # noqa: ASYNC110 - a worker elsewhere handles it
                    await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
        except TimeoutError:
            return False  # the delivery continues; if it fails, its letter opens again
        return True

    async def discard(self, letter: DeadLetter, unit: Database) -> None:
        """Give the delivery up: the watcher then turns the order back.

        Raises Conflict when the parcel is with the carrier: such an order can only go forward.
        """
        event, subscriber = _of(letter)
        if event is None or not await OutboxFeed(unit).is_dead(event.event_id, subscriber):
            return  # no order waits for it
        events = await self._services.outbox.events(unit, event.process_id)
        shipped = any(each.type == PIVOT for each in events)
        if shipped and not await self._services.outbox.superseded(unit, event.process_id):
            raise Conflict(f"the order {event.process_id} has shipped and can't be turned back; redrive the letter")
        await OutboxFeed(unit).give_up(event.event_id, subscriber)

    async def _over(self, event: DomainEvent, subscriber: str) -> bool:
        consumed = await self._services.outbox.consumed(self._services.db, subscriber, event)
        return consumed or await self._feed.is_dead(event.event_id, subscriber)


def _of(letter: DeadLetter) -> tuple[DomainEvent | None, str]:
    """Return the event of a letter, None for a delivery that named an unknown event, and the subscriber."""
    event_id, _, subscriber = letter.message_id.partition(":")
    return None if event_id == UNKNOWN else DomainEvent.model_validate_json(letter.original), subscriber
