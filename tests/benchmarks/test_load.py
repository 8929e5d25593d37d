"""Placing orders: a real program at the other end of a real pipe."""

import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from benchmarks.measuring.driver import Driver, Event, RunFailed
from benchmarks.measuring.load import order_of

# Places its orders nowhere, each in 10 ms; one whose prefix says so ends as no order must.
PROGRAM = """
import asyncio
from benchmarks.measuring.load import Load

async def place(order_id, kind):
    print("noise of a library")
    await asyncio.sleep(0.01)
    return "lost" if order_id.startswith("bad") else {"ok": "completed", "refused": "undone"}[kind]

async def find(order_id):
    return "completed"

asyncio.run(Load(place, find).serve())
"""


@pytest.fixture
async def driver(tmp_path: Path) -> AsyncIterator[Driver]:
    driver = await Driver.start([sys.executable, "-c", PROGRAM], tmp_path / "log")
    yield driver
    await driver.stop()


async def test_only_orders_that_end_while_the_window_is_open_are_counted(driver: Driver) -> None:
    events: list[Event] = []
    driver.send("run", prefix="a", kind="ok", in_flight=4, warm=0.2, seconds=0.5)
    done = await driver.until_done(events.append)

    assert [event["event"] for event in events] == ["opened", "closed"]
    assert 0 < len(done["milliseconds"]) < done["placed"]
    assert 0.5 <= done["seconds"] < 5
    assert min(done["milliseconds"]) >= 9


async def test_a_batch_counts_each_of_its_orders(driver: Driver) -> None:
    driver.send("batch", prefix="b", orders=17, in_flight=5)
    done = await driver.until_done()

    assert len(done["milliseconds"]) == 17


async def test_a_crowd_tells_of_each_order_that_has_ended(driver: Driver) -> None:
    crowd, events, began = ["c-1", "c-2", "c-3"], list[Event](), time.monotonic()
    driver.send("crowd", order_ids=crowd)
    await driver.until_done(events.append)

    assert sorted(event["order_id"] for event in events) == crowd
    assert all(began < event["at"] < time.monotonic() for event in events)


async def test_what_a_program_had_written_when_it_died_is_read_without_half_a_line(tmp_path: Path) -> None:
    said = """{"event": "ready"}\n{"event": "ended", "at": 1}\n{"event": "ended", "at": 2}\n{"event": "en"""
    driver = await Driver.start([sys.executable, "-c", f"import sys; sys.stdout.write({said!r})"], tmp_path / "log")

    assert [event["at"] for event in await driver.remaining_events()] == [1, 2]
    await driver.stop()


async def test_orders_of_a_process_that_died_are_found(driver: Driver) -> None:
    driver.send("find", order_ids=["x-1", "x-2"])

    assert (await driver.until_done())["wrong"] == []


async def test_an_order_that_ends_wrongly_makes_the_run_void(driver: Driver) -> None:
    driver.send("batch", prefix="bad", orders=3, in_flight=1)

    with pytest.raises(RunFailed, match="3 orders ended wrongly"):
        await driver.until_done()


async def test_a_program_that_dies_is_noticed(driver: Driver) -> None:
    driver.send("run", prefix="a", kind="ok", in_flight=1, warm=60, seconds=60)
    await driver.kill()

    with pytest.raises(RunFailed, match="has ended"):
        await driver.until_done()


def test_everyone_is_given_the_same_order() -> None:
    assert order_of("o-1", "ok") == order_of("o-1", "ok")
    assert order_of("o-1", "refused")["ship_to"]["postcode"] == "00000"
    assert len({order_of(f"o-{number}", "ok")["lines"][0]["sku"] for number in range(500)}) == 20
