"""The redrive of deliveries: an event that a subscriber could not handle is delivered to it again."""

import asyncio

from temporalio.client import Client

from activities.deliveries import Standing, delivery_of, outcome_of
from choreography.events import Events
from choreography.recorder import Recorder
from messaging.trace.trace import Trace
from messaging.trace.undelivered import RELAY, Undelivered
from models.choreography import PIVOT
from models.dead_letters import DeadLetter
from models.errors import Conflict, NotFound
from models.trace import TracedEvent
from postgres.database import Database

SECONDS_TO_HANDLE = 30.0
SECONDS_BETWEEN_LOOKS = 0.1


class DeliveryRedriver:
    """The implementation of messaging.dead_letters.redrive.Redriver for the channel of deliveries."""

    def __init__(self, client: Client, trace: Trace, undelivered: Undelivered, events: Events) -> None:
        self._client, self._trace, self._undelivered, self._events = client, trace, undelivered, events
        self._recorder = Recorder(trace, undelivered, events)

    async def redrive(self, letter: DeadLetter) -> bool:
        """Deliver the event again, and wait up to SECONDS_TO_HANDLE; return False when it is not handled by then.

        Raises NotFound when its service has no such event, Unavailable.

        A delivery that fails permanently opens its letter again. One that isn't dead any more, because a redrive
        before this one was interrupted, is only waited for.
        """
        event_id, subscriber = _of(letter)
        event = await self._trace.event(event_id)
        if event is None:
            raise NotFound(f"{letter.message_id}: the outbox does not have this event")
        if await self._undelivered.is_dead(event_id, subscriber):
            redrives = await self._events.again(event.publisher, event_id)
            if redrives is None:
                raise NotFound(f"{letter.message_id}: the outbox does not have this event")
            await self._trace.redriven(event_id, redrives)
            await self._undelivered.free(event_id, subscriber)
            event = event.model_copy(update={"redrives": redrives, "problem": None})
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
        event_id, subscriber = _of(letter)
        event = await self._trace.event(event_id)
        if event is None or not await self._undelivered.is_dead(event_id, subscriber, unit):
            return  # no order waits for it
        events = await self._trace.events(event.process_id, unit)
        if any(each.type == PIVOT for each in events):
            raise Conflict(f"the order {event.process_id} has shipped and can't be turned back; redrive the letter")
        await self._undelivered.give_up(unit, event_id, subscriber)

    async def _over(self, event: TracedEvent, subscriber: str) -> bool:
        if subscriber == RELAY:
            stored = await self._events.read(event.publisher, event.event_id)
            return stored is not None and (stored.published or stored.problem is not None)
        addressed = delivery_of(event)
        if addressed is None:
            return True
        outcome = await outcome_of(self._client, addressed)
        if outcome.standing is Standing.FAILED:
            await self._recorder.failed(event, subscriber, outcome.error, outcome.text, attempts=1)
        return outcome.standing in {Standing.FAILED, Standing.HANDLED}


def _of(letter: DeadLetter) -> tuple[str, str]:
    """Return the id of a letter's event, and the subscriber."""
    event_id, _, subscriber = letter.message_id.partition(":")
    return event_id, subscriber
