"""The relay's side of the transactional outbox: any number of relays publish the events."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from messaging.outbox import statements
from messaging.outbox.statements import limited, of_schema
from models.choreography import DomainEvent, StoredEvent, event_of
from models.participants import Owner
from postgres.database import Database
from postgres.unit_of_work import unit_of_work

COUNTED_AT_MOST = 10_000


@dataclass(frozen=True)
class Unpublished:
    """The first event of a process that waits for a relay, since a time."""

    process_id: str
    event: str
    since: datetime


class Claim:
    """Events that no other relay publishes while the claim is held; those that can't be read have a problem."""

    def __init__(self, unit: Database, feed: "OutboxFeed", events: list[StoredEvent]) -> None:
        self.events = events
        self._unit, self._feed = unit, feed

    async def mark(self, events: Sequence[DomainEvent]) -> None:
        """Mark events as published; the mark is committed when the claim ends without an error."""
        await self._unit.rows(self._feed.marking, {"event_ids": [event.event_id for event in events]})

    async def set_aside(self, event: DomainEvent, problem: str) -> None:
        """Let no relay claim an event any more, until it is published again."""
        await self._unit.rows(self._feed.setting_aside, {"event_id": event.event_id, "problem": problem})


class OutboxFeed:
    """The events of one service, in its database."""

    def __init__(self, db: Database, service: Owner) -> None:
        self.service: Owner = service
        self._db = db
        self._waiting = of_schema(statements.WAITING, service)
        self.marking = of_schema(statements.MARK, service)
        self.setting_aside = of_schema(statements.SET_ASIDE, service)

    @asynccontextmanager
    async def claim(self, limit: int) -> AsyncIterator[Claim]:
        """Hold up to `limit` events for the block; the claim of a relay that crashes is released, unmarked."""
        async with unit_of_work(self._db) as unit:
            rows = await unit.rows(limited(self._waiting, limit))
            yield Claim(unit, self, [_stored(*row) for row in rows])

    async def lag(self) -> tuple[int, float]:
        """Return the number of unpublished events up to COUNTED_AT_MOST, and the age of the oldest in seconds."""
        statement = limited(of_schema(statements.LAG, self.service), COUNTED_AT_MOST)
        count, seconds = await self._db.row(statement, {}) or (0, 0.0)
        return count, seconds

    async def read(self, event_ids: Sequence[str]) -> list[StoredEvent]:
        """Return those of the events that are stored; one that can't be read has an empty payload and a problem."""
        rows = await self._db.rows(of_schema(statements.READ, self.service), {"event_ids": list(event_ids)})
        return [_stored(*row) for row in rows]

    async def again(self, event_id: str) -> int | None:
        """Publish an event again, which its subscriber recognizes by its id.

        Returns the number of its redeliveries, None when it isn't stored.
        """
        row = await self._db.row(of_schema(statements.AGAIN, self.service), {"event_id": event_id})
        return int(row[0]) if row else None

    async def unpublished(self, seconds: float, limit: int, process_id: str | None = None) -> list[Unpublished]:
        """Return up to `limit` processes, or this one, with an event that has waited for a relay for `seconds`."""
        params = {"seconds": seconds, "limit": limit, "process_id": process_id}
        rows = await self._db.rows(of_schema(statements.UNPUBLISHED, self.service), params)
        return [Unpublished(*row) for row in rows]

    async def old(self, seconds: float, limit: int, after: str = "") -> list[str]:
        """Return up to `limit` processes behind `after` whose events are published and all older than `seconds`."""
        params = {"seconds": seconds, "limit": limit, "after": after}
        return [name for (name,) in await self._db.rows(of_schema(statements.OLD, self.service), params)]

    async def purge(self, process_ids: Sequence[str]) -> int:
        """Delete the events of processes, and what was noted of those consumed; return the number of events."""
        row = await self._db.row(of_schema(statements.PURGE, self.service), {"process_ids": list(process_ids)})
        return int(row[0]) if row else 0


def _stored(text: str, published: bool, problem: str | None) -> StoredEvent:  # noqa: FBT001 - a row
    event, unreadable = event_of(text)
    return StoredEvent(event=event, published=published, problem=problem or unreadable or None)
