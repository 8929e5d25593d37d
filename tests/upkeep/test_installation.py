"""A database belongs to one namespace of Temporal, and the namespace to that database."""

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import replace

import psycopg
import pytest
from psycopg.sql import SQL, Identifier
from temporalio.client import WorkflowFailureError

from activities import installation_guard
from activities.installation import check_installation, delete_marker, read_namespace
from client.installation import bind, bind_database, move
from models.errors import Conflict, InvalidInput, NotSetUp, WrongInstallation
from models.installation import same_database
from models.names import RECONCILER_SCHEDULE
from postgres.database import Database
from runtime.embedded.stack import Stack
from runtime.reconciling import schedule_reconciler
from runtime.settings import PROJECT
from services.installation.installation import Installation
from services.orders.orders import Orders
from tests.cli.conftest import Ran, as_bytes, order_document, run_here
from tests.orders.scenarios import Scenario
from tests.servers import new_database, new_namespace
from tests.systems import POOL, System, open_system
from tests.upkeep.conftest import SECONDS_TO_HAPPEN, reconcile, recoveries
from worker import build, orders_relay, orders_worker, services_on

pytestmark = [pytest.mark.server, pytest.mark.faults]


@pytest.fixture(scope="module")
async def one(servers: Stack) -> AsyncIterator[System]:
    async with open_system(servers) as system:
        yield system


@pytest.fixture(scope="module")
async def other(servers: Stack) -> AsyncIterator[System]:
    async with open_system(servers) as system:
        yield system


@pytest.fixture
async def unbound(servers: Stack) -> AsyncIterator[System]:
    """Yield a system whose database and namespace are not bound."""
    own = replace(servers, database_url=new_database(servers.database_url))
    async with await Database.open(own.database_url, size=POOL) as db, open_system(servers) as template:
        settings = template.settings.model_copy(update={"database_url": own.database_url})
        system = System(settings, own, await new_namespace(servers), db)
        yield system
        await system.observer.close()


def crossed(one: System, other: System) -> System:
    """Return a system of one's database and the other's namespace."""
    return replace(one, client=other.client)


def names_both(line: str, one: System, other: System) -> bool:
    """Return whether a refusal names the database and both namespaces, or the namespace and both databases."""
    sides = [system.db.place for system in (one, other)], [system.client.namespace for system in (one, other)]
    return (all(name in line for name in sides[0]) and sides[1][1] in line) or (
        all(name in line for name in sides[1]) and sides[0][0] in line
    )


async def command(system: System, *arguments: str, stdin: bytes = b"") -> Ran:
    """Run a command of the starter on a system, in this process to save time."""
    return await asyncio.to_thread(run_here, system.environment(), *arguments, stdin=stdin)


async def refused(system: System, *arguments: str, stdin: bytes = b"") -> str:
    """Run a command that must refuse the system as another installation's, and return its line."""
    ran = await command(system, *arguments, stdin=stdin)
    *notes, line = ran.err.splitlines()
    assert (ran.code, ran.out, line[:7]) == (6, "", "error: "), ran
    assert not any(note.startswith("error: ") for note in notes)
    return line


async def test_workers_relays_and_supervisors_refuse_the_namespace_of_another_database(
    one: System, other: System
) -> None:
    mixed = crossed(one, other)
    for serve in (orders_worker, orders_relay):
        with pytest.raises(WrongInstallation) as caught:
            async with serve(mixed.client, mixed.stack.database_url, mixed.settings):
                pass
        assert names_both(str(caught.value), one, other)
    for arguments in (["--relay-only"], ["--processes", "2"]):
        process = await asyncio.create_subprocess_exec(
            sys.executable, PROJECT / "worker.py", *arguments, env=mixed.environment(), stderr=asyncio.subprocess.PIPE
        )
        _, err = await asyncio.wait_for(process.communicate(), SECONDS_TO_HAPPEN)
        lines = [line for line in err.decode().splitlines() if line.startswith("error: ")]
        assert (process.returncode, len(lines)) == (6, 1), err
        assert names_both(lines[0], one, other)


@pytest.mark.parametrize(
    "arguments",
    [["stuck"], ["place", "-"], ["setup"], ["prune", "--older-than", "40"], ["status", "o-1"]],
    ids=lambda arguments: arguments[0],
)
async def test_commands_refuse_the_namespace_of_another_database(
    one: System, other: System, arguments: list[str]
) -> None:
    line = await refused(crossed(one, other), *arguments, stdin=as_bytes(order_document("never-placed")))

    assert names_both(line, one, other)
    assert "move --database" in line
    assert await one.one("select 1 from orders.orders where order_id = 'never-placed'") is None


async def test_a_password_is_not_part_of_a_refusal(one: System, other: System) -> None:
    async with await Database.open(f"{one.stack.database_url}&password=hunter2", size=1) as db:
        with pytest.raises(WrongInstallation) as caught:
            await bind(other.client, Installation(db))
    assert "hunter2" not in str(caught.value)


async def test_the_reconciler_compares_before_it_recovers_anything(one: System, other: System) -> None:
    order = Scenario("healthy").order()
    await Orders(one.db).accept(order)
    # Built without the check at the start, as a worker that began before a move.
    mixed = crossed(one, other)
    await schedule_reconciler(other.client, 3600)
    async with build(mixed.client, mixed.services, mixed.settings):
        with pytest.raises(WorkflowFailureError) as caught:
            await reconcile(mixed)
        await other.client.get_schedule_handle(RECONCILER_SCHEDULE).trigger()
        found = await failing(other)
    await other.client.get_schedule_handle(RECONCILER_SCHEDULE).delete()

    assert "WrongInstallation" in repr(caught.value.cause.__cause__)
    assert names_both(found, one, other)
    assert await recoveries(mixed, order) == []
    assert await one.one("select status from orders.orders where order_id = %s", order.order_id) == "running"
    await one.one("delete from orders.orders where order_id = %s returning 1", order.order_id)


async def failing(system: System) -> str:
    """Wait until `stuck` shows that the reconciler fails, and return the detail."""
    async with asyncio.timeout(SECONDS_TO_HAPPEN):
        while True:
            ran = await command(system, "stuck", "--older-than", "0s", "--json")
            for each in ran.document["stuck"]:
                if each["cause"] == "reconciler_failing":
                    return str(each["detail"])


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


async def test_a_copy_of_the_database_is_refused(one: System) -> None:
    url = await copied(one)
    async with await Database.open(url, size=1) as db:
        with pytest.raises(WrongInstallation, match="is a copy of"):
            await check_installation(one.client, Installation(db))


async def copied(system: System) -> str:
    """Return the URL of a copy of a system's database, as a restore from a dump makes one."""
    name = system.db.place.rpartition("/")[2]
    await system.observer.close()
    async with asyncio.timeout(SECONDS_TO_HAPPEN):
        while True:
            try:
                return await asyncio.to_thread(new_database, system.stack.database_url.replace(name, "postgres"), name)
            except psycopg.errors.ObjectInUse:
                with psycopg.connect(system.stack.database_url.replace(name, "postgres"), autocommit=True) as admin:
                    admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name])


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("1/2", "1/2", True), ("1/2", "1/3", False), ("1/2", "3/2", False), ("/2", "3/2", True), ("/2", "3/4", False)],
)
def test_an_identity_that_a_role_may_not_read_is_no_difference(one: str, other: str, same: bool) -> None:
    assert same_database(one, other) is same


async def test_a_role_without_rights_to_the_server_reads_the_record(one: System) -> None:
    with psycopg.connect(one.stack.database_url, autocommit=True) as admin:
        role = f"limited_{one.client.namespace.replace('-', '_')}"
        admin.execute(SQL("create role {} login").format(Identifier(role)))
        admin.execute(SQL("grant usage on schema installation to {}").format(Identifier(role)))
        admin.execute(SQL("grant select on installation.binding to {}").format(Identifier(role)))
        admin.execute("revoke execute on function pg_control_system() from public")
        try:
            async with await Database.open(f"{one.stack.database_url}&options=-crole%3D{role}", size=1) as db:
                await check_installation(one.client, Installation(db))
        finally:
            admin.execute("grant execute on function pg_control_system() to public")
            admin.execute(SQL("drop owned by {}").format(Identifier(role)))
            admin.execute(SQL("drop role {}").format(Identifier(role)))


async def test_a_move_names_what_is_moved_and_waits_for_unfinished_orders(unbound: System, servers: Stack) -> None:
    await bind(unbound.client, unbound.services.installation)
    order = Scenario("unfinished").order()
    await Orders(unbound.db).accept(order)
    target = replace(unbound, client=await new_namespace(servers))
    database, namespace = unbound.db.place.rpartition("/")[2], target.client.namespace
    confirmed = ["move", "--database", database, "--namespace", namespace]

    assert (await command(target, "move", "--database", "another", "--namespace", namespace)).code == 2
    assert (await command(target, "move", "--database", database, "--namespace", "another")).code == 2
    waits = await command(target, *confirmed)
    assert (waits.code, waits.err.count("\n")) == (6, 1)
    assert "1 orders and slips are unfinished" in waits.err
    await check_installation(unbound.client, unbound.services.installation)

    moved = await command(target, *confirmed, "--with-unfinished", "--json")
    assert (moved.code, moved.document["moved"]) == (0, True), moved.err
    again = await command(target, *confirmed, "--json")
    assert (again.code, again.document["moved"]) == (0, False), again.err

    await check_installation(target.client, unbound.services.installation)
    with pytest.raises(WrongInstallation):
        await check_installation(unbound.client, unbound.services.installation)


async def test_a_move_takes_a_namespace_from_another_database(unbound: System, servers: Stack) -> None:
    await bind(unbound.client, unbound.services.installation)
    async with await Database.open(new_database(servers.database_url), size=POOL) as db:
        services = services_on(db, unbound.settings)
        name = db.place.rpartition("/")[2]
        with pytest.raises(InvalidInput, match="--database"):
            await move(unbound.client, services, database="x", namespace=unbound.client.namespace, with_unfinished=True)
        handle = await unbound.start(Scenario("runs-there").order())
        async with asyncio.timeout(SECONDS_TO_HAPPEN):
            while not (
                await unbound.client.count_workflows("ExecutionStatus = 'Running' AND WorkflowType = 'OrderWorkflow'")
            ).count:
                await asyncio.sleep(0.1)
        with pytest.raises(Conflict, match=r"1 run in the namespace"):
            await move(
                unbound.client, services, database=name, namespace=unbound.client.namespace, with_unfinished=False
            )
        await handle.terminate()

        assert await move(
            unbound.client, services, database=name, namespace=unbound.client.namespace, with_unfinished=True
        )

        await check_installation(unbound.client, Installation(db))
    with pytest.raises(WrongInstallation, match="belongs to the database"):
        await check_installation(unbound.client, unbound.services.installation)


async def test_a_running_worker_stops_after_a_move(
    unbound: System, servers: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installation_guard, "SECONDS_BETWEEN_CHECKS", 0.05)
    await bind(unbound.client, unbound.services.installation)
    target = await new_namespace(servers)
    name = unbound.db.place.rpartition("/")[2]

    async def serve() -> None:
        async with orders_worker(unbound.client, unbound.stack.database_url, unbound.settings):
            await move(target, unbound.services, database=name, namespace=target.namespace, with_unfinished=False)
            await asyncio.Event().wait()

    with pytest.raises(WrongInstallation):
        await asyncio.wait_for(serve(), SECONDS_TO_HAPPEN)


async def test_a_cancel_of_the_worker_is_not_taken_for_a_move(one: System) -> None:
    started = asyncio.Event()

    async def serve() -> None:
        async with orders_worker(one.client, one.stack.database_url, one.settings):
            started.set()
            await asyncio.Event().wait()

    serving = asyncio.create_task(serve())
    await started.wait()
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
