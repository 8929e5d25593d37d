"""A relay and a watcher read a batch, not the backlog: their work doesn't grow with the events that wait."""

from collections.abc import Iterator
from typing import Any

import pytest

from choreography.relay import BATCH
from messaging.outbox.feed import COUNTED_AT_MOST, OutboxFeed
from messaging.outbox.statements import LAG, WAITING, limited, of_schema
from messaging.trace import statements
from messaging.trace.statements import OVERDUE
from messaging.trace.trace import Trace
from postgres.database import Database

ROWS = 20_000
# The first event of every hundredth process can't be published, and the process waits for an operator.
BACKLOG = b"""
insert into trace.processes (process_id, due_at, deadline_at, began_at)
  select 'b-' || n, now() + interval '1 hour', now() + interval '2 hours', now() from generate_series(1, %(rows)s) as n;
"""
EVENTS = b"""
insert into orders.outbox (event_id, process_id, type, version, payload, correlation_id, at, problem)
  select 'e-' || n, 'b-' || n, 'OrderPlaced', 1, '{}', 'b-' || n, now() - n * interval '1 second',
    case when n %% 100 = 1 then 'sick' end
  from generate_series(1, %(rows)s) as n
"""
TRACED = b"""
insert into trace.events (event_id, process_id, publisher, type, correlation_id, redrives, at, reason)
  select event_id, process_id, 'orders', type, correlation_id, redrives, at, '' from orders.outbox
"""
DEAD = b"""
insert into trace.undelivered (event_id, subscriber, process_id)
  select event_id, 'relay', process_id from orders.outbox where problem is not null
"""
ANALYZE = b"analyze orders.outbox, trace.events, trace.processes, trace.undelivered"


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
    for statement in (BACKLOG, EVENTS, TRACED, DEAD):
        await db.rows(statement, {"rows": ROWS})
    await db.rows(ANALYZE)
    return db


async def test_the_relay_reads_a_batch(backlog: Database) -> None:
    read = await rows_read(backlog, limited(of_schema(WAITING, "orders"), BATCH))

    assert "Sort" not in read
    assert max(read.values()) <= 5 * BATCH, read


async def test_the_events_come_oldest_first_without_those_that_are_set_aside(backlog: Database) -> None:
    async with OutboxFeed(backlog, "orders").claim(BATCH) as claim:
        found = [stored.event.event_id for stored in claim.events]

    dead = set(range(1, ROWS + 1, 100))
    oldest = [n for n in range(ROWS, 0, -1) if n not in dead][:BATCH]
    assert found == [f"e-{n}" for n in oldest]


async def test_the_watcher_reads_a_batch(backlog: Database) -> None:
    assert await Trace(backlog).overdue() == []
    read = await rows_read(backlog, statements.limited(OVERDUE, 50))
    assert max(read.values()) <= 50, read

    await backlog.rows(b"update trace.processes set due_at = now() - interval '1 hour' where process_id > 'b-15'")
    await backlog.rows(b"update trace.processes set deadline_at = now() - interval '1 hour' where process_id = 'b-12'")
    await backlog.rows(ANALYZE)
    read = await rows_read(backlog, statements.limited(OVERDUE, 50))

    assert max(read.values()) <= 500, read
    assert len(await Trace(backlog).overdue()) == 50


async def test_a_process_past_its_deadline_is_overdue(backlog: Database) -> None:
    late = b"update trace.processes set deadline_at = now() - interval '1 hour' where process_id = 'b-12'"
    await backlog.rows(late)

    assert await Trace(backlog).overdue() == ["b-12"]


async def test_the_lag_is_counted_up_to_a_limit(backlog: Database) -> None:
    count, seconds = await OutboxFeed(backlog, "orders").lag()
    read = await rows_read(backlog, limited(of_schema(LAG, "orders"), COUNTED_AT_MOST))

    assert (count, seconds > ROWS - 60) == (COUNTED_AT_MOST, True)
    assert max(read.values()) <= COUNTED_AT_MOST, read
