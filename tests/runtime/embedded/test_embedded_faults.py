"""Each process of the stack killed without warning, one after the other."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable

import psutil
import psycopg
import pytest
from temporalio.client import Client

from runtime.connection import connect
from runtime.embedded.record import Layout, live_record
from runtime.embedded.stack import Stack, embedded_stack
from runtime.settings import Settings
from tests.runtime.stacks import all_gone, happens, processes_of, record_of, said_when_ready, start_user

pytestmark = pytest.mark.faults


@pytest.fixture
async def own(settings: Settings) -> AsyncIterator[Stack]:
    async with embedded_stack(settings) as stack:
        yield stack


def answers(stack: Stack) -> bool:
    try:
        with psycopg.connect(stack.database_url, connect_timeout=2) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False


def killed(pid: int) -> None:
    psutil.Process(pid).send_signal(signal.SIGKILL)


def changed(settings: Settings, child: str, before: int) -> Callable[[], bool]:
    def look() -> bool:
        record = live_record(Layout(settings.data_dir))
        return record is not None and record.state == "ready" and record.children.get(child) not in {None, before}

    return look


async def finds(client: Client, workflow_id: str) -> bool:
    return (await client.get_workflow_handle(workflow_id).describe()).id == workflow_id


async def test_a_killed_temporal_server_comes_back_with_what_it_knew(settings: Settings, own: Stack) -> None:
    client = await connect(settings)
    await client.start_workflow("Anything", id="kept", task_queue="nobody")
    before = record_of(settings).children["temporal"]

    killed(before)

    assert await happens(changed(settings, "temporal", before))
    assert await finds(client, "kept")


async def test_a_killed_postmaster_comes_back_with_what_it_knew(settings: Settings, own: Stack) -> None:
    with psycopg.connect(own.database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    before = record_of(settings).children["postgres"]

    killed(before)

    assert await happens(changed(settings, "postgres", before))
    assert await happens(lambda: answers(own))
    with psycopg.connect(own.database_url) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (7,)


@pytest.mark.parametrize("lock", ["postmaster.pid", ".s.PGSQL.5432.lock"])
async def test_a_postmaster_killed_before_it_wrote_its_lock_file_comes_back(settings: Settings, lock: str) -> None:
    async with embedded_stack(settings):
        pass
    (Layout(settings.data_dir).postgres_data / lock).touch()

    async with embedded_stack(settings) as stack:
        assert answers(stack)


async def test_a_killed_backend_costs_one_connection_only(settings: Settings, own: Stack) -> None:
    with psycopg.connect(own.database_url) as connection:
        killed(connection.info.backend_pid)
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")

    assert await happens(lambda: answers(own))


async def test_a_killed_keeper_takes_its_servers_along_and_is_replaced(settings: Settings, own: Stack) -> None:
    client = await connect(settings)
    await client.start_workflow("Anything", id="kept", task_queue="nobody")
    before, processes = record_of(settings), processes_of(settings)

    killed(before.keeper)

    assert await happens(lambda: all_gone(processes))
    assert await happens(changed(settings, "temporal", before.children["temporal"]))
    assert answers(own)
    assert await finds(client, "kept")
    assert len(processes_of(settings)[0].children()) == 2


async def test_a_stopped_keeper_is_replaced_too(settings: Settings, own: Stack) -> None:
    before = record_of(settings)

    psutil.Process(before.keeper).terminate()

    assert await happens(changed(settings, "temporal", before.children["temporal"]))
    assert answers(own)


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM])
async def test_a_user_that_is_killed_leaves_no_process(settings: Settings, signum: signal.Signals) -> None:
    with start_user(settings) as user:
        await asyncio.to_thread(said_when_ready, user)
        processes = processes_of(settings)

        user.send_signal(signum)
        await asyncio.to_thread(user.communicate)

    assert await happens(lambda: all_gone(processes))


async def test_a_user_killed_while_the_stack_starts_leaves_no_process(settings: Settings) -> None:
    def has_children() -> bool:
        record = live_record(Layout(settings.data_dir))
        return record is not None and bool(record.children)

    with start_user(settings) as user:
        assert await happens(has_children)
        processes = processes_of(settings)

        user.kill()

    assert await happens(lambda: all_gone(processes))


async def test_user_and_keeper_killed_together_leave_a_stack_that_starts(settings: Settings) -> None:
    with start_user(settings) as user:
        await asyncio.to_thread(said_when_ready, user)
        processes = processes_of(settings)
        user.kill()
        killed(processes[0].pid)
    assert await happens(lambda: all_gone(processes))

    async with embedded_stack(settings) as stack:
        assert answers(stack)
