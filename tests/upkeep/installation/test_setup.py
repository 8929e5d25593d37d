"""The set-up binds a database and a namespace, and several at the same time agree."""

import asyncio

import pytest
from temporalio.client import ScheduleDescription, ScheduleHandle
from temporalio.service import RPCError, RPCStatusCode

from activities.installation import check_installation, delete_marker, read_namespace
from client.installation import bind, bind_database
from models.errors import NotSetUp, WrongInstallation
from models.names import RECONCILER_SCHEDULE
from postgres.database import Database
from runtime.embedded.stack import Stack
from runtime.reconciling import schedule_reconciler
from services.installation.installation import Installation
from tests.servers import new_database, new_namespace
from tests.systems import System
from tests.upkeep.installation.conftest import command
from worker import orders_worker

pytestmark = [pytest.mark.server, pytest.mark.faults]


async def test_what_is_not_set_up_is_refused_until_setup(unbound: System) -> None:
    with pytest.raises(NotSetUp, match=r"is not set up: run `python starter.py setup`"):
        async with orders_worker(unbound.client, unbound.stack.database_url, unbound.settings):
            pass
    ran = await command(unbound, "stuck")
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "python starter.py setup" in ran.err

    assert (await command(unbound, "setup")).code == 0
    assert (await command(unbound, "setup")).code == 0

    assert (await command(unbound, "stuck")).code == 0
    await unbound.client.get_schedule_handle(RECONCILER_SCHEDULE).delete()


async def test_a_worker_says_that_nothing_recovers_lost_orders(one: System, caplog: pytest.LogCaptureFixture) -> None:
    schedule = one.client.get_schedule_handle(RECONCILER_SCHEDULE)

    async def said() -> str:
        caplog.clear()
        async with orders_worker(one.client, one.stack.database_url, one.settings):
            return caplog.text

    assert "no reconciler is scheduled" in await said()
    await schedule_reconciler(one.client, 3600)
    assert "reconciler" not in await said()
    await schedule.pause()
    assert "the reconciler is paused" in await said()
    await schedule.delete()


async def test_a_worker_that_cannot_read_the_reconcilers_schedule_starts_with_a_warning(
    one: System, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    describe = ScheduleHandle.describe

    async def refused(schedule: ScheduleHandle) -> ScheduleDescription:
        if schedule.id == RECONCILER_SCHEDULE:
            raise RPCError("no answer", RPCStatusCode.UNAVAILABLE, b"")
        return await describe(schedule)

    monkeypatch.setattr(ScheduleHandle, "describe", refused)
    async with orders_worker(one.client, one.stack.database_url, one.settings):
        pass

    assert "the reconciler's schedule can't be read" in caplog.text


@pytest.mark.parametrize("lost", ["marker", "row"])
async def test_setup_writes_the_missing_side_unless_the_other_belongs_elsewhere(unbound: System, lost: str) -> None:
    record = unbound.services.installation
    await bind(unbound.client, record)
    known = (await record.read()).binding
    assert known is not None
    if lost == "marker":
        await delete_marker(unbound.client)
        with pytest.raises(NotSetUp, match="namespace"):
            await check_installation(unbound.client, record)

        await bind(unbound.client, record)

        assert (await record.read()).binding == known
        return
    await record.release(known.installation_id)
    # The namespace has runs that this database may know nothing of.
    with pytest.raises(WrongInstallation):
        await bind(unbound.client, record)


async def test_concurrent_setups_of_the_same_sides_agree(unbound: System) -> None:
    async with await Database.open(unbound.stack.database_url, size=2) as db:
        await asyncio.gather(*(bind(unbound.client, Installation(db)) for _ in range(8)))

    await check_installation(unbound.client, unbound.services.installation)


async def test_of_concurrent_setups_on_one_namespace_one_wins(unbound: System, servers: Stack) -> None:
    urls = [new_database(servers.database_url) for _ in range(4)]

    ended = await asyncio.gather(*(bind_database(unbound.client, url) for url in urls), return_exceptions=True)

    assert sorted(type(each).__name__ for each in ended) == ["NoneType", *["WrongInstallation"] * 3]
    for url, end in zip(urls, ended, strict=True):
        async with await Database.open(url, size=1) as db:
            assert ((await Installation(db).read()).binding is None) == (end is not None)


async def test_of_concurrent_setups_of_one_database_one_wins(unbound: System, servers: Stack) -> None:
    clients = [await new_namespace(servers) for _ in range(4)]

    ended = await asyncio.gather(
        *(bind(client, unbound.services.installation) for client in clients), return_exceptions=True
    )

    assert sorted(type(each).__name__ for each in ended) == ["NoneType", *["WrongInstallation"] * 3]
    markers = [(await read_namespace(client)).marker is not None for client in clients]
    assert markers == [end is None for end in ended]
