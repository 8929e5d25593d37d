"""A relay and a watcher read a batch, not the backlog: their work doesn't grow with the events that wait."""

from collections.abc import Iterator
from typing import Any

import pytest

from choreography.relay import BATCH
from messaging.outbox.feed import COUNTED_AT_MOST, OutboxFeed
from messaging.outbox.processes import OutboxProcesses
from messaging.outbox.statements import HEADS, LAG, OVERDUE, limited
from postgres.database import Database

ROWS = 20_000
# Half of the processes have a second event that waits behind the first; in every hundredth the first one is dead.
BACKLOG = b"""
insert into outbox.processes (process_id, due_at, deadline_at, began_at)
  select 'b-' || n, now() + interval '1 hour', now() + interval '2 hours', now() from generate_series(1, %(rows)s) as n;
"""
EVENTS = b"""
insert into outbox.events (event_id, process_id, sequence, type, version, payload, correlation_id, at)
  select 'e-' || n || '-' || s, 'b-' || n, s, 'OrderPlaced', 1, '{}', 'b-' || n, now() - n * interval '1 second'
  from generate_series(1, %(rows)s) as n, generate_series(1, 1 + n %% 2) as s
"""
DEAD = b"""
insert into outbox.undelivered (event_id, subscriber, process_id)
  select 'e-' || n || '-1', 'inventory', 'b-' || n from generate_series(1, %(rows)s, 100) as n
"""
ANALYZE = b"analyze outbox.events, outbox.processes, outbox.undelivered"


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


async def rows_read(db: Database, statement: bytes) -> dict[str, int]:
    """Run a statement; return the rows that each node of its plan had to look at, by type and table."""
    ((document,),) = await db.rows(b"explain (analyze, format json) " + statement)
    return {
        f"{node['Node Type']} {node.get('Relation Name', '')}".strip(): int(
            (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        )
        for node in nodes(document[0]["Plan"])
    }


@pytest.fixture
async def backlog(shop: Any) -> Database:
    db: Database = shop.db
    for statement in (BACKLOG, EVENTS, DEAD):
        await db.rows(statement, {"rows": ROWS})
    await db.rows(ANALYZE)
    return db


async def test_the_relay_reads_a_batch(backlog: Database) -> None:
    read = await rows_read(backlog, limited(HEADS, BATCH))

    assert "Sort" not in read
    assert max(read.values()) <= 5 * BATCH, read


async def test_the_events_come_oldest_first_and_one_for_each_process(backlog: Database) -> None:
    async with OutboxFeed(backlog).claim(BATCH) as claim:
        found = [event.event_id for event in claim.events]

    dead = set(range(1, ROWS + 1, 100))
    oldest = [n for n in range(ROWS, 0, -1) if n not in dead][:BATCH]
    assert found == [f"e-{n}-1" for n in oldest]


async def test_the_watcher_reads_a_batch(backlog: Database) -> None:
    assert await OutboxProcesses(backlog).overdue() == []
    read = await rows_read(backlog, limited(OVERDUE, 50))
    assert max(read.values()) <= 50, read

    await backlog.rows(b"update outbox.processes set due_at = now() - interval '1 hour' where process_id > 'b-15'")
    await backlog.rows(b"update outbox.processes set deadline_at = now() - interval '1 hour' where process_id = 'b-12'")
    await backlog.rows(ANALYZE)
    read = await rows_read(backlog, limited(OVERDUE, 50))

    assert max(read.values()) <= 500, read
    assert len(await OutboxProcesses(backlog).overdue()) == 50


async def test_a_process_past_its_deadline_is_overdue(backlog: Database) -> None:
    late = b"update outbox.processes set deadline_at = now() - interval '1 hour' where process_id = 'b-12'"
    await backlog.rows(late)

    assert await OutboxProcesses(backlog).overdue() == ["b-12"]


async def test_the_lag_is_counted_up_to_a_limit(backlog: Database) -> None:
    count, seconds = await OutboxFeed(backlog).lag()
    read = await rows_read(backlog, limited(LAG, COUNTED_AT_MOST))

    assert (count, seconds > ROWS - 60) == (COUNTED_AT_MOST, True)
    assert max(read.values()) <= COUNTED_AT_MOST, read
