"""The relay's side of the transactional outbox: any number of relays publish the events, in order per process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from messaging.dead_letters.dead_letters import DeadLetters
from messaging.outbox import statements
from models.choreography import DomainEvent, EventDelivery, at_risk, event_of
from models.dead_letters import Undeliverable
from models.names import workflow_id
from postgres.database import Database
from postgres.unit_of_work import unit_of_work

CHANNEL = "deliveries"
# In place of the event's id; no event has it.
UNKNOWN = "unknown event"
COUNTED_AT_MOST = 10_000
# The subscriber of a delivery that could not even be published.
RELAY = "relay"


def letter_id(event_id: str, subscriber: str) -> str:
    """Return the message id of a delivery's dead letter."""
    return f"{event_id}:{subscriber}"


class Claim:
    """Events that no other relay publishes while the claim is held; at most one of each process."""

    def __init__(self, unit: Database, events: list[DomainEvent]) -> None:
        self.events = events
        self._unit = unit

    async def mark(self, events: list[DomainEvent]) -> None:
        """Mark events as published; the mark is committed when the claim ends without an error."""
        await self._unit.rows(statements.MARK, {"event_ids": [event.event_id for event in events]})


class OutboxFeed:
    """Claims unpublished events, and stores deliveries that failed as dead letters."""

    def __init__(self, db: Database) -> None:
        self._db = db

    @asynccontextmanager
    async def claim(self, limit: int) -> AsyncIterator[Claim]:
        """Hold up to `limit` events for the block; the claim of a relay that crashes is released, unmarked."""
        async with unit_of_work(self._db) as unit:
            rows = await unit.rows(statements.limited(statements.HEADS, limit))
            read = [event_of(text) for (text,) in rows]
            yield Claim(unit, [event for event, problem in read if not problem])
        # After the claim, because this takes another connection. The letter has what can be read of the event.
        for event, problem in read:
            if problem:
                await self.on_exhausted(event, RELAY, "InvalidInput", problem, attempts=1)

    async def lag(self) -> tuple[int, float]:
        """Return the number of unpublished events up to COUNTED_AT_MOST, and the age of the oldest in seconds."""
        count, seconds = await self._db.row(statements.limited(statements.LAG, COUNTED_AT_MOST), {}) or (0, 0.0)
        return count, seconds

    async def on_exhausted(self, event: DomainEvent, subscriber: str, error: str, cause: str, attempts: int) -> None:
        """Record a delivery that failed permanently as a dead letter, which blocks the events of its process only."""
        amount = at_risk(event)
        letter = Undeliverable(
            channel=CHANNEL,
            message_id=letter_id(event.event_id, subscriber),
            original=event.model_dump_json().encode(),
            error_type=error,
            cause=cause,
            attempts=attempts,
            process_id=workflow_id(event.process_id),
            correlation_id=event.correlation_id,
            place=f"{event.type} → {subscriber}",
            at_risk=amount.amount if amount else 0,
            currency=amount.currency if amount else "",
        )
        params = {"event_id": event.event_id, "process_id": event.process_id, "subscriber": subscriber}
        async with unit_of_work(self._db) as unit:
            await unit.rows(statements.HALT, params)
            await DeadLetters(unit).record(letter)

    async def read(self, event_id: str) -> DomainEvent | None:
        """Return a stored event, None when there is none; one that can't be read has an empty payload."""
        row = await self._db.row(statements.READ, {"event_id": event_id})
        return event_of(row[0])[0] if row else None

    async def on_unknown(self, delivery: EventDelivery, *, known: bool) -> None:
        """Record that a delivery named an event that the outbox doesn't have; `known`: whether its subscriber exists.

        No process waits behind the dead letter, and there is one for each subscriber and one for all unknown ones, so
        that forged deliveries neither block an order nor fill the table.
        """
        subscriber = delivery.subscriber if known else "unknown"
        letter = Undeliverable(
            channel=CHANNEL,
            message_id=letter_id(UNKNOWN, subscriber),
            original=delivery.model_dump_json().encode(),
            error_type="NotFound",
            cause="a delivery named an event that the outbox does not have",
            attempts=1,
            place=f"an unknown event → {subscriber}",
            blocks=False,
        )
        await DeadLetters(self._db).record(letter)

    async def redrive(self, event_id: str, subscriber: str) -> bool:
        """Publish the event of a dead delivery again; return False when the delivery isn't dead."""
        params = {"event_id": event_id, "subscriber": subscriber}
        return await self._db.row(statements.REDRIVE, params) is not None

    async def is_dead(self, event_id: str, subscriber: str) -> bool:
        """Return whether a delivery failed permanently."""
        params = {"event_id": event_id, "subscriber": subscriber}
        return await self._db.row(statements.HALTED, params) is not None

    async def give_up(self, event_id: str, subscriber: str) -> None:
        """Unblock a process without its dead delivery, which the subscriber never receives."""
        await self._db.rows(statements.GIVE_UP, {"event_id": event_id, "subscriber": subscriber})

    async def again(self, event: DomainEvent) -> None:
        """Publish an event again; its consumers recognize the repetition by the event's id."""
        await self._db.rows(statements.AGAIN, {"event_id": event.event_id})

    async def purge(self, older_than_seconds: float, limit: int = 1000) -> int:
        """Delete up to `limit` processes that ended this long ago, with their events; return the processes' number."""
        params = {"seconds": older_than_seconds, "limit": limit}
        return len(await self._db.rows(statements.PURGE, params))
