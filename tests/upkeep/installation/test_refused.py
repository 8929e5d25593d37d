"""A database belongs to one namespace of Temporal, and the namespace to that database: any other pair is refused."""

import asyncio
import sys

import psycopg
import pytest
from psycopg.sql import SQL, Identifier
from temporalio.client import WorkflowFailureError

from activities.installation import check_installation
from client.installation import bind
from models.errors import WrongInstallation
from models.installation import same_database
from models.names import RECONCILER_SCHEDULE
from postgres.database import Database
from runtime.reconciling import schedule_reconciler
from runtime.settings import PROJECT
from services.installation.installation import Installation
from services.orders.orders import Orders
from tests.cli.conftest import as_bytes, order_document
from tests.orders.scenarios import Scenario
from tests.servers import new_database
from tests.systems import System
from tests.upkeep.conftest import SECONDS_TO_HAPPEN, reconcile, recoveries
from tests.upkeep.installation.conftest import command, crossed, names_both
from worker import build, orders_relay, orders_worker

pytestmark = [pytest.mark.server, pytest.mark.faults]


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
    [
        ["stuck"],
        ["place", "-"],
        ["setup"],
        ["prune", "--older-than", "40"],
        ["status", "o-1"],
        ["watch", "o-1"],
        ["plan", "o-1"],
        ["history", "o-1"],
        ["cancel", "orders/o-1", "--reason", "late"],
        ["resolve", "orders/o-1", "charge", "retry", "--reason", "fixed"],
        ["resolve-all", "retry", "--step", "charge", "--reason", "fixed"],
        ["review", "slips/s-1", "check", "--verdict", "approve", "--reason", "seen"],
        ["event", "orders/o-1", "--type", "payment_settled", "--event-id", "e-1"],
        ["list"],
        ["find", "running"],
        ["rebuild"],
        ["deadletters", "list"],
        ["deadletters", "redrive", "--all", "--reason", "fixed"],
    ],
    ids=lambda arguments: arguments[0],
)
async def test_commands_refuse_the_namespace_of_another_database(
    one: System, other: System, arguments: list[str]
) -> None:
    line = await refused(crossed(one, other), *arguments, stdin=as_bytes(order_document("never-placed")))

    assert names_both(line, one, other)
    assert "move --database" in line
    assert await one.one("select 1 from orders.orders where order_id = 'never-placed'") is None


async def test_no_command_reaches_a_process_of_another_installation(one: System, other: System) -> None:
    handle = await other.start(Scenario("theirs").order())
    path = handle.id.replace("order-", "orders/", 1)
    try:
        for command_ in (["cancel", path, "--reason", "late"], ["plan", path], ["history", path]):
            assert names_both(await refused(crossed(one, other), *command_), one, other)
    finally:
        await handle.terminate("by a test")


async def test_setup_leaves_the_schemas_of_another_installation_as_they_are(one: System, other: System) -> None:
    await one.db.rows(b"alter schema wrapping rename to wrapping_away")
    try:
        assert names_both(await refused(crossed(one, other), "setup"), one, other)
        assert await one.one("select to_regnamespace('wrapping')::text") is None
    finally:
        await one.db.rows(b"drop schema if exists wrapping cascade")
        await one.db.rows(b"alter schema wrapping_away rename to wrapping")


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
