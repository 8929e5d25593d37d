"""The rights that docs/operations.md lists are enough for a worker that is not the owner of the schemas."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from messaging.dead_letters.dead_letters import DeadLetters
from models.activities.slips import RecordRevision
from models.dead_letters import Undeliverable
from models.errors import Final
from models.names import RECONCILER_WORKFLOW, TASK_QUEUE
from models.participants import OWNERS
from models.recovery import Reconcile
from models.trace import TracedEvent
from postgres.database import Database
from postgres.unit_of_work import unit_of_work
from runtime.embedded.stack import Stack
from services.assembly import Services
from services.installation.installation import Installation
from services.schemas import SCHEMAS
from services.slips.revisions import SlipRevisions
from tests.choreography.conftest import until_ended
from tests.docs.blocks import PROJECT
from tests.orders.scenarios import Scenario
from tests.slips.conftest import result_of as result_of_slip
from tests.slips.conftest import start
from tests.slips.slips import shipped
from tests.systems import System, open_system, result_of
from worker import orders_worker, services_on

pytestmark = pytest.mark.server
EVERY_OTHER = "every other table"
KINDS = [
    Scenario("ok"),
    Scenario("declined", token="tok_declined"),
    Scenario("refused", postcode="00000"),
    Scenario("lost", token="tok_lost_after"),
    Scenario("express", express=True),
]


def documented() -> dict[str, list[str]]:
    """Return table → rights of the rows of the documented table, without the row about the schemas themselves."""
    page = (PROJECT / "docs" / "operations.md").read_text()
    section = page.split("### Rights of a worker\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| ((?:`\w+\.\w+`|every other)[^|]*) \| ([^|]+) \|$", section, re.MULTILINE)
    return {
        table: re.findall(r"`(\w+)`", rights)
        for tables, rights in rows
        for table in re.findall(r"`([\w.]+)`", tables) or [tables]
    }


def grants(connection: psycopg.Connection[tuple[str, str]]) -> Iterator[tuple[str, str, list[str]]]:
    """Yield schema, table and rights of every table of the project."""
    rights = documented()
    names = [schema.name for schema in SCHEMAS]
    query = "select schemaname, tablename from pg_tables where schemaname = any(%s)"
    found = connection.execute(query, [names]).fetchall()
    assert set(rights) - {EVERY_OTHER} <= {f"{schema}.{table}" for schema, table in found}
    for schema, table in found:
        of_version = ["select"] if table == "schema_version" else rights[EVERY_OTHER]
        yield schema, table, rights.get(f"{schema}.{table}", of_version)


@asynccontextmanager
async def limited(system: System) -> AsyncIterator[str]:
    """Yield the address of a system's database for a role with the documented rights."""
    role = Identifier(name := f"limited_{system.client.namespace.replace('-', '_')}")
    with psycopg.connect(system.stack.database_url, autocommit=True) as admin:
        admin.execute(SQL("create role {} login").format(role))
        try:
            for each in SCHEMAS:
                admin.execute(SQL("grant usage on schema {} to {}").format(Identifier(each.name), role))
            for schema, table, rights in grants(admin):
                listed = SQL(", ").join(map(SQL, rights))
                admin.execute(SQL("grant {} on {} to {}").format(listed, Identifier(schema, table), role))
            yield f"{system.stack.database_url}&options=-crole%3D{name}"
        finally:
            admin.execute(SQL("drop owned by {}").format(role))
            admin.execute(SQL("drop role {}").format(role))


async def run_processes(system: System) -> None:
    """Run orders of both styles, slips and a round of the reconciler to their ends."""
    handles = [await system.start(kind.order()) for kind in KINDS]
    choreographed = [kind.order() for kind in KINDS]
    for order in choreographed:
        await system.services.choreographed_orders.place(order)
    slips = [await start(system, shipped(name)) for name in ("gift", "digital-goods")]
    await asyncio.gather(
        *map(result_of, handles),
        *(until_ended(system.db, order) for order in choreographed),
        *map(result_of_slip, slips),
    )
    task = Reconcile(grace_seconds=0)
    await system.client.execute_workflow(RECONCILER_WORKFLOW, task, id="reconcile-now", task_queue=TASK_QUEUE)


async def use_rare_statements(db: Database, services: Services, event: TracedEvent, process_id: str) -> None:
    """Execute the statements of dead deliveries, letters, revisions and the purge, which need special states."""
    letters, undelivered, trace = DeadLetters(db), services.undelivered, services.trace
    await undelivered.record(event, "payments", "Gone", "why", 8, None)
    await undelivered.free(event.event_id, "payments")
    await undelivered.record(event, "payments", "Gone", "why", 8, None)
    async with unit_of_work(db) as unit:
        await undelivered.give_up(unit, event.event_id, "payments")
        await trace.lock_overdue(unit, event.process_id)
    await trace.redriven(event.event_id, 1)
    for owner in OWNERS:
        feed = services.feed(owner)
        assert await feed.again(event.event_id) == (1 if owner == event.publisher else None)
        async with feed.claim(1) as claim:
            for stored in claim.events:
                await claim.set_aside(stored.event, "why")
        await feed.purge(await feed.old(0, 100))
    await trace.purge(older_than_seconds=0)
    number = await letters.record(
        Undeliverable(channel="recovery", message_id=process_id, original=b"", error_type="", cause="", attempts=1)
    )
    await letters.take(number, "ana", "why")
    await letters.redriven(number, "ana")
    unknown = {"key": "slip.none:itinerary-2", "order_id": "slip.none", "body_hash": "0" * 64}
    revision = RecordRevision.model_validate({**unknown, "version": 2, "ahead": ()})
    with pytest.raises(Final, match="no such slip"):
        await SlipRevisions(db).record(revision)
    assert (await Installation(db).read()).binding is not None


@pytest.mark.timeout(240)
async def test_a_worker_needs_only_the_documented_rights(servers: Stack) -> None:
    async with open_system(servers) as system, limited(system) as url:
        async with orders_worker(system.client, url, system.settings):
            await run_processes(system)
        completed = await system.one("select process_id from trace.events where type = 'StockSettled' limit 1")
        event = next(each for each in await system.services.trace.events(completed) if each.type == "StockReserved")
        async with await Database.open(url, size=2) as db:
            await use_rare_statements(db, services_on(db, system.settings), event, "order-o-1")


@pytest.mark.timeout(60)
async def test_a_role_without_the_rights_is_refused(servers: Stack) -> None:
    async with open_system(servers) as system, limited(system) as url, await Database.open(url, size=1) as db:
        for statement in (b"delete from orders.orders", b"update payments.ledger set amount = 1"):
            with pytest.raises(Exception, match="permission denied"):
                await db.rows(statement)
