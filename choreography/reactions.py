"""The services' reactions to events, each exactly once; models/choreography.py has the table of the subscriptions."""

from collections.abc import Mapping
from typing import Any

from choreography.participant import Participant
from choreography.reaction import AlreadyDecided, Delivery, NothingBegun, Reaction, TooLate
from models.choreography import REPEATED, TOO_LATE, DomainEvent, EventData, EventType, subscriber_of
from models.errors import AlreadyUndone, InvalidInput, NotBegun, Unavailable
from models.participants import Owner
from postgres.database import Database
from postgres.unit_of_work import unit_of_work


class Subscribers:
    """Runs a service's reaction to an event exactly once, for any number and order of deliveries."""

    def __init__(self, participants: Mapping[Owner, Participant[Any]]) -> None:
        self._participants = participants

    def __contains__(self, subscriber: object) -> bool:
        """Return whether a service is served here."""
        return subscriber in self._participants

    async def handle(self, subscriber: Owner, event: DomainEvent, attempt: int = 1) -> str:
        """Run the reaction; return the type of the event that follows, with REPEATED before it, or TOO_LATE.

        `attempt` is 1-based. Raises Unavailable to request redelivery, NotBegun if this attempt doesn't count, Final or
        InvalidInput when a redelivery can't succeed.
        """
        if subscriber_of(event.type) != subscriber:
            raise InvalidInput("subscriber", f"{subscriber} does not subscribe to {event.type}")
        participant = self._participants[subscriber]
        data = EventData.of(event)
        repeated, followed = await participant.outbox.consumed(participant.db, event.event_id)
        if repeated:
            return _repeated(followed)
        try:
            return await _react(participant, event, data, attempt)
        except NothingBegun as away:
            raise away.error from None
        except AlreadyDecided:
            return _repeated((await participant.outbox.consumed(participant.db, event.event_id))[1])
        except TooLate:
            pass
        except AlreadyUndone as late:
            if not await participant.superseded(event.process_id):
                # A concurrent attempt of the same delivery is undoing the effect, or another one the whole order.
                raise Unavailable(str(late)) from late
        if not await participant.outbox.consume(participant.db, event, None):
            return _repeated((await participant.outbox.consumed(participant.db, event.event_id))[1])
        return TOO_LATE


async def _react(participant: Participant[Any], event: DomainEvent, data: EventData, attempt: int) -> str:
    """Commit the effect, the record that the event was consumed, and the next event in one transaction."""
    outbox = participant.outbox

    async def decided(db: Database) -> bool:
        return (await outbox.consumed(db, event.event_id))[0]

    reaction: Reaction[Any] = participant.reactions[EventType(event.type)]
    async with unit_of_work(participant.db) as unit:
        delivery = Delivery(
            data,
            attempt,
            unit,
            participant.db,
            service=participant.within(unit),
            outside=participant.outside,
            within=participant.within,
            decided=decided,
        )
        try:
            follows, following = await reaction(delivery)
        except NotBegun as away:
            if away.lasting:
                raise
            raise NothingBegun(away) from away  # which the unit of work would turn into Unavailable
        if not await outbox.consume(unit, event, follows):
            raise AlreadyDecided
        appended = await outbox.append(
            unit, follows, following, cause=event.event_id, correlation_id=event.correlation_id
        )
        await participant.appended(unit, appended)
    return follows.value


def _repeated(followed: str | None) -> str:
    return f"{REPEATED}: {followed or TOO_LATE}"
