"""Every statement of orders, events and the reconciler finds its rows by an index, so that it scales with the table."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from psycopg import AsyncConnection
from temporalio.client import WorkflowHandle

from choreography.purging import Purging
from models.names import RECONCILER_WORKFLOW, TASK_QUEUE
from models.participants import OWNERS
from models.process import Status
from models.recovery import Reconcile
from postgres.connection import connection_string
from runtime.embedded.stack import Stack
from services.retention import Retention
from tests.choreography.conftest import until_ended
from tests.orders.scenarios import Scenario
from tests.systems import System, open_system, result_of
from worker import orders_worker

pytestmark = [pytest.mark.server, pytest.mark.timeout(240)]
ROWS = 20_000
# Always small: deliveries that wait for an operator, and the one row of the installation, the databases of a server.
SMALL = {"undelivered", "binding", "pg_database"}
Statements = dict[str, Any]

# The data of years of orders, in each table as its service would have written them.
YEARS = """
insert into orders.orders (order_id, body, body_hash, total, currency, status, created_at, closed_at)
  select 'old-' || n, '{{"payment": {{}}}}', 'hash', 100, 'EUR',
    case n %% 3 when 0 then 'compensated' else 'completed' end,
    now() - n * interval '1 minute', now() - n * interval '1 minute' from generate_series(1, {rows}) as n;
insert into orders.process_states (order_id, process_id, status, started_at, updated_at, state)
  select 'old-' || n, 'order-old-' || n, 'completed', now(), now(), '{{}}' from generate_series(1, {rows}) as n;
insert into inventory.receipts (key, request_hash, status, answer)
  select 'old-' || n || ':reserve', 'hash', 'settled', '{{}}' from generate_series(1, {rows}) as n;
insert into payments.receipts (key, request_hash, status, answer)
  select 'old-' || n || ':charge', 'hash', 'settled', '{{}}' from generate_series(1, {rows}) as n;
insert into shipping.receipts (key, request_hash, status, answer)
  select 'old-' || n || ':ship', 'hash', 'settled', '{{}}' from generate_series(1, {rows}) as n;
insert into payments.ledger (key, kind, debit, credit, amount, currency, order_id)
  select 'old-' || n || ':charge', kind, 'card_clearing', 'held', 100, 'EUR', 'old-' || n
  from generate_series(1, {rows}) as n, unnest(array['charge', 'settle']) as kind;
insert into payments.transfers (key, order_id, reference, amount, currency, request_hash)
  select 'old-' || n || ':charge', 'old-' || n, 'ref', 100, 'EUR', 'hash' from generate_series(1, {rows}) as n;
insert into shipping.parcels (key, order_id, tracking)
  select 'old-' || n || ':ship', 'old-' || n, 'T' || n from generate_series(1, {rows}) as n;
insert into inventory.stock (sku, available, received) select 'OLD-' || n, 1, 1 from generate_series(1, {rows}) as n;
insert into orders.catalogue (sku, price, currency) select 'OLD-' || n, 1, 'EUR' from generate_series(1, {rows}) as n;
insert into slips.slips (slip_id, body, body_hash, status, closed_at)
  select 'old-' || n, '{{"itinerary": [{{"name": "wrap"}}]}}', 'hash', 'completed', now() - n * interval '1 minute'
  from generate_series(1, {rows}) as n;
insert into slips.revisions (slip_id, version, ahead)
  select 'old-' || n, 2, '[]' from generate_series(1, {rows}) as n;
insert into wrapping.receipts (key, request_hash, status, answer)
  select 'slip.old-' || n || ':wrap', 'hash', 'done', '{{}}' from generate_series(1, {rows}) as n;
{outboxes}
insert into trace.processes (process_id, due_at, ended_at)
  select 'old-' || n, now(), now() - n * interval '1 minute' from generate_series(1, {rows}) as n;
insert into trace.events (event_id, process_id, publisher, type, correlation_id, redrives, at, reason)
  select 'old-' || n, 'old-' || n, 'orders', 'OrderPlaced', 'old', 0, now(), '' from generate_series(1, {rows}) as n;
insert into trace.undelivered (event_id, subscriber, process_id)
  select 'old-' || n, 'inventory', 'old-' || n from generate_series(1, {rows}, 100) as n;
insert into operators.alerts (key, order_id, step, direction, failure, at_risk, currency, sent_at)
  select 'old-' || n, 'old-' || n, 'charge', 'undo', 'Gone', 1, 'EUR', now() from generate_series(1, {rows}) as n;
insert into dead_letters.letters (channel, message_id, process_id, place, original, error_type, cause, fingerprint,
    attempts, total_attempts, blocks, status)
  select 'recovery', 'old-' || n, 'order-old-' || n, '', '', 'Gone', '', 'f', 1, 1, true, 'redriven'
  from generate_series(1, {rows}) as n;
insert into dead_letters.audit (letter_id, action, actor, reason)
  select letter_id, 'died', 'system', '' from dead_letters.letters;
analyze
"""

OUTBOX = """
insert into {owner}.outbox (event_id, process_id, type, version, payload, correlation_id, at, published_at)
  select 'old-' || n, 'old-' || n, 'OrderPlaced', 1, '{{}}', 'old', now() - n * interval '1 minute', now()
  from generate_series(1, {rows}) as n;
insert into {owner}.inbox (event_id, process_id, type, follows)
  select 'old-' || n, 'old-' || n, 'OrderPlaced', 'StockReserved' from generate_series(1, {rows}) as n;
"""


def years() -> bytes:
    outboxes = "".join(OUTBOX.format(owner=owner, rows=ROWS) for owner in OWNERS)
    return YEARS.format(rows=ROWS, outboxes=outboxes).replace("%%", "%").encode()


@contextmanager
def recorded() -> Iterator[Statements]:
    """Yield the statements sent to the database during the block: statement → its last parameters."""
    statements: Statements = {}
    execute = AsyncConnection.execute

    async def recording(self: Any, query: Any, params: Any = None, **options: Any) -> Any:
        text = query.decode() if isinstance(query, bytes) else str(query)
        if text.lstrip().partition(" ")[0].lower().rstrip() in {"with", "select", "insert", "update", "delete"}:
            statements[text] = params
        return await execute(self, query, params, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AsyncConnection, "execute", recording)
        yield statements


async def live(system: System) -> None:
    """Run orders of both styles to each outcome, then list, reconcile, purge and prune them."""
    declined, refused = Scenario("declined", token="tok_declined"), Scenario("refused", postcode="00000")
    orders = [kind.order() for kind in (Scenario("ok"), declined, refused, Scenario("ok", express=True))]
    handles: list[WorkflowHandle[Any, Any]] = [await system.start(order) for order in orders]
    choreographed = [kind.order() for kind in (Scenario("ok"), declined, refused)]
    for order in choreographed:
        await system.services.choreographed_orders.place(order)
    await asyncio.gather(*map(result_of, handles), *(until_ended(system.db, order) for order in choreographed))
    store = system.orders.states
    page = await store.find_by_status(Status.COMPLETED, 1)
    await store.find_by_status(Status.COMPLETED, 1, page.following)
    await store.load("never-was")
    task = Reconcile(limit=10, grace_seconds=0)
    await system.client.execute_workflow(RECONCILER_WORKFLOW, task, id="reconcile-now", task_queue=TASK_QUEUE)
    for service in (system.services.inventory, system.services.payments, system.services.shipping):
        for process in ("old-1", "slip.old-1"):
            await service.receipts_of(process)
    await events_of_orders(system, [order.order_id for order in choreographed])
    await Retention(system.db).prune(30)


async def events_of_orders(system: System, order_ids: list[str]) -> None:
    """Look for events and processes that wait, look at events again, and purge those of old orders."""
    services = system.services
    for order_id in order_ids:
        for event in await services.trace.events(order_id):
            await services.feed(event.publisher).read([event.event_id])
            await services.undelivered.is_dead(event.event_id, "orders")
        await services.undelivered.given_up(order_id)
    await services.trace.overdue()
    await services.trace.silent(60, 10)
    await services.trace.purge(older_than_seconds=86_400, limit=10)
    for owner in OWNERS:
        feed = services.feed(owner)
        await feed.unpublished(0, 10)
        await feed.unpublished(0, 10, order_ids[0])
        await Purging(feed, services.accepted, kept_seconds=0).run_once()


def scanned(plan: dict[str, Any]) -> Iterator[str]:
    """Yield the tables that a plan reads with a sequential scan."""
    if plan["Node Type"] == "Seq Scan" and plan["Relation Name"] not in SMALL:
        yield plan["Relation Name"]
    for below in plan.get("Plans", ()):
        yield from scanned(below)


async def test_no_statement_reads_a_whole_table(servers: Stack) -> None:
    async with open_system(servers) as system:
        with recorded() as statements:
            async with orders_worker(system.client, system.stack.database_url, system.settings):
                await live(system)
        url = connection_string(system.stack.database_url)
        async with await AsyncConnection.connect(url, autocommit=True) as connection:
            await connection.execute(years())
            read = {text: await plan_of(connection, text, params) for text, params in statements.items()}
    assert len(read) > 25
    assert not [f"{tables}: {text}" for text, tables in read.items() if tables]


async def plan_of(connection: AsyncConnection[Any], text: str, params: Any) -> list[str]:
    """Return the tables that a statement would read with a sequential scan; the statement is not executed."""
    cursor = await connection.execute(b"explain (format json) " + text.encode(), params)
    row = await cursor.fetchone()
    assert row is not None
    explained = row[0] if isinstance(row[0], list) else json.loads(row[0])
    return list(scanned(explained[0]["Plan"]))
