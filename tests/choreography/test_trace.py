"""The trace of choreographed orders: each event behind its cause, and what has not moved on in time."""

import asyncio
import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from messaging.outbox.outbox import Outbox
from messaging.trace.trace import Trace
from messaging.trace.undelivered import Undelivered
from models.choreography import DomainEvent, EventData, EventType
from models.errors import AlreadyUndone
from models.money import Money
from models.trace import TracedEvent, by_cause
from postgres.database import Database
from postgres.unit_of_work import unit_of_work
from tests.orders.scenarios import Scenario

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
PATIENCE = 60.0


def traced(name: str, cause: str | None = None, **changes: Any) -> TracedEvent:
    known: dict[str, Any] = {
        "event_id": name,
        "process_id": "o",
        "publisher": "inventory",
        "type": "StockReserved",
        "correlation_id": "o",
        "causation_id": cause,
        "redrives": 0,
        "at": NOON,
    }
    return TracedEvent.model_validate(known | changes)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def chain(*seconds: float) -> list[TracedEvent]:
    """Return events of which each was caused by the one before it, at these times of their services' clocks."""
    return [
        traced(f"e-{number}", f"e-{number - 1}" if number else None, at=after(at)) for number, at in enumerate(seconds)
    ]


def test_each_event_comes_behind_its_cause_whatever_the_clocks_say() -> None:
    events = chain(0, -3600, 7200, -7200)

    for given in itertools.permutations(events):
        assert [(event.event_id, event.sequence) for event in by_cause(given)] == [
            ("e-0", 1),
            ("e-1", 2),
            ("e-2", 3),
            ("e-3", 4),
        ]


def test_the_time_decides_between_events_that_could_be_in_any_order() -> None:
    placed, timed_out = traced("placed"), traced("timed-out", "placed", at=after(60))
    reserved, recalled = traced("reserved", "placed", at=after(30)), traced("recalled", "timed-out", at=after(10))

    found = by_cause([recalled, timed_out, reserved, placed])

    assert [event.event_id for event in found] == ["placed", "reserved", "timed-out", "recalled"]


@pytest.mark.parametrize("events", [[traced("a", "gone"), traced("b", "a")], [traced("a", "b"), traced("b", "a")]])
def test_an_event_whose_cause_is_missing_or_forged_is_still_shown(events: list[TracedEvent]) -> None:
    assert [event.event_id for event in by_cause(events)] == ["a", "b"]


def data(**changes: Any) -> EventData:
    return EventData(order=Scenario("o").order(order_id="o"), total=Money(amount=5, currency="EUR"), **changes)


async def event_of(db: Database, of_type: EventType, **changes: Any) -> DomainEvent:
    async with unit_of_work(db) as unit:
        return await Outbox("orders").append(unit, of_type, data(**changes))


async def test_a_traced_event_keeps_what_the_orders_show_and_nothing_of_the_customer(db: Database) -> None:
    event = await event_of(db, EventType.SHIPMENT_CREATED, tracking="T-1", reason="r")

    shown = TracedEvent.of(event, "shipping", "sick")

    assert (shown.total, shown.tracking, shown.reason) == (Money(amount=5, currency="EUR"), "T-1", "r")
    assert (shown.publisher, shown.problem) == ("shipping", "sick")
    assert "Customer" in event.model_dump_json()
    assert "Customer" not in shown.model_dump_json()


@pytest.mark.parametrize("payload", [{}, {"total": "a lot", "tracking": 5, "reason": None}])
async def test_what_can_not_be_read_of_an_event_is_left_out(db: Database, payload: dict[str, Any]) -> None:
    event = await event_of(db, EventType.ORDER_PLACED)

    shown = TracedEvent.of(event.model_copy(update={"payload": payload}), "orders")

    assert (shown.total, shown.tracking, shown.reason) == (None, None, "")


@pytest.fixture
async def trace(db: Database) -> Trace:
    """Return the trace with an open process `o`."""
    trace = Trace(db, PATIENCE)
    async with unit_of_work(db) as unit:
        assert await trace.begin(unit, "o", 3600)
        assert not await trace.begin(unit, "o", 1)
    return trace


async def due_in(db: Database) -> float:
    """Return the seconds until the process is overdue."""
    row = await db.row(b"select extract(epoch from due_at - clock_timestamp())::float8 from trace.processes", {})
    assert row is not None
    return float(row[0])


async def make_due(db: Database) -> None:
    await db.rows(b"update trace.processes set due_at = now() - interval '1 hour'")


async def test_an_event_is_recorded_once(db: Database, trace: Trace) -> None:
    event = traced("e", total={"amount": 5, "currency": "EUR"}, tracking="T", reason="r")
    await trace.record([event, traced("f", "e", at=after(1))])
    await make_due(db)

    for again in ([event], [event], [event.model_copy(update={"type": "OrderEaten", "reason": "forged"})]):
        await trace.record(again)
    await asyncio.gather(*(trace.record([event]) for _ in range(5)))

    assert await trace.events("o") == by_cause([event, traced("f", "e", at=after(1))])
    assert await trace.event("e") == event
    assert await due_in(db) < 0  # a repetition moves nothing on


async def test_a_new_event_gives_its_process_time(db: Database, trace: Trace) -> None:
    await make_due(db)
    assert await trace.overdue() == ["o"]

    await trace.record([traced("e")])

    assert 0 < await due_in(db) <= PATIENCE
    assert await trace.overdue() == []


async def test_a_due_time_is_never_made_earlier(db: Database, trace: Trace) -> None:
    await db.rows(b"update trace.processes set due_at = now() + interval '1 day'")

    await trace.record([traced("e")])

    assert await due_in(db) > 2 * PATIENCE


async def test_an_event_that_is_published_again_or_set_aside_changes_its_trace(db: Database, trace: Trace) -> None:
    await trace.record([traced("e")])
    await trace.record([traced("e", problem="sick")])
    assert await trace.event("e") == traced("e", problem="sick")

    await trace.redriven("e", 1)
    assert await trace.event("e") == traced("e", redrives=1)

    await make_due(db)
    await trace.record([traced("e", redrives=2)])
    assert await trace.event("e") == traced("e", redrives=2)
    assert await due_in(db) > 0


async def test_an_event_of_an_unknown_process_leaves_no_trace(trace: Trace) -> None:
    await trace.record([traced("e", process_id="never"), traced("f")])

    assert await trace.event("e") is None
    assert await trace.events("never") == []
    assert [event.event_id for event in await trace.events("o")] == ["f"]


async def test_the_deadline_passes_only_once(db: Database, trace: Trace) -> None:
    await db.rows(b"update trace.processes set deadline_at = now() - interval '1 second'")
    assert await trace.overdue() == ["o"]
    async with unit_of_work(db) as unit:
        assert await trace.lock_overdue(unit, "o") is True
        await trace.advance(unit, await Outbox("orders").append(unit, EventType.ORDER_TIMED_OUT, data()))

    assert await trace.overdue() == []
    async with unit_of_work(db) as unit:
        assert await trace.lock_overdue(unit, "o") is None
    await make_due(db)
    async with unit_of_work(db) as unit:
        assert await trace.lock_overdue(unit, "o") is False  # overdue, and no longer because of its deadline


async def test_two_watchers_decide_one_after_the_other(db: Database, trace: Trace) -> None:
    await make_due(db)

    async def look() -> bool | None:
        async with unit_of_work(db) as unit:
            overdue = await trace.lock_overdue(unit, "o")
            if overdue is not None:
                await trace.postpone("o", unit)
            return overdue

    found = await asyncio.gather(*(look() for _ in range(5)))

    assert sorted(found, key=str) == [False, *[None] * 4]


@pytest.mark.parametrize("last", [EventType.ORDER_COMPLETED, EventType.ORDER_FAILED])
async def test_an_ended_process_takes_no_event_that_the_orders_append(
    db: Database, trace: Trace, last: EventType
) -> None:
    assert not await trace.ended(db, "o")
    async with unit_of_work(db) as unit:
        await trace.advance(unit, await Outbox("orders").append(unit, last, data()))
    assert await trace.ended(db, "o")

    for of_type in (EventType.ORDER_TIMED_OUT, last):
        event = await event_of(db, of_type)
        with pytest.raises(AlreadyUndone):
            await trace.advance(db, event)

    await make_due(db)
    assert await trace.overdue() == []
    await trace.record([traced("late")])  # of a service whose relay was away
    assert [event.type for event in await trace.events("o")] == ["StockReserved", last]


@pytest.mark.parametrize("left", ["dead", "given up", "free"])
async def test_a_process_with_a_dead_letter_waits_for_an_operator(db: Database, trace: Trace, left: str) -> None:
    undelivered, event = Undelivered(db, trace), traced("e")
    for _ in range(2):
        await undelivered.record(event, "payments", "Final", "no", 8, None)
    await make_due(db)
    assert await undelivered.is_dead("e", "payments")
    if left == "given up":
        async with unit_of_work(db) as unit:
            await undelivered.give_up(unit, "e", "payments")
    if left == "free":
        await undelivered.free("e", "payments")

    assert await undelivered.is_dead("e", "payments") is (left == "dead")
    assert await undelivered.given_up("o") == ({"e"} if left == "given up" else set())
    waits = left == "dead"
    assert await trace.overdue() == ([] if waits else ["o"])
    assert [each.process_id for each in await trace.silent(60, 10)] == ([] if waits else ["o"])


@pytest.mark.parametrize("held_by", ["nothing", "a dead letter", "youth"])
async def test_purge_takes_whole_processes_that_ended_long_ago(db: Database, trace: Trace, held_by: str) -> None:
    async with unit_of_work(db) as unit:
        await trace.begin(unit, "open", None)
    await trace.record([traced("e"), traced("f", process_id="open")])
    if held_by == "a dead letter":
        await Undelivered(db, trace).record(traced("e"), "payments", "Final", "no", 1, None)
    days = 0 if held_by == "youth" else 2
    ended = b"update trace.processes set ended_at = now() - %(days)s * interval '1 day' where process_id = 'o'"
    await db.rows(ended, {"days": days})

    assert await trace.purge(24 * 3600) == (held_by == "nothing")

    assert bool(await trace.events("o")) is (held_by != "nothing")
    assert await trace.events("open")
