"""A worker of payments needs one role in one database: nothing of the other services, and no other credentials."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from uuid import uuid4

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from models.errors import Unavailable
from models.participants import Owner
from models.process import Status
from postgres.database import Database
from runtime.embedded.stack import Stack
from services.schemas import names_of
from tests.choreography.conftest import until_ended
from tests.cli.conftest import worker_process
from tests.gathered import assert_all_conserved
from tests.orders.apart.running import queues_of, receipts, serving, with_apart
from tests.orders.scenarios import Scenario
from tests.systems import System, open_apart, result_of
from worker import orders_worker

pytestmark = [pytest.mark.server, pytest.mark.faults, pytest.mark.timeout(180)]

OTHERS: tuple[Owner, ...] = ("orders", "inventory", "shipping")


@pytest.fixture(scope="module")
async def system(servers: Stack) -> AsyncIterator[System]:
    async with open_apart(servers) as system:
        yield system
        await assert_all_conserved(system)


def name_in(system: System, owner: Owner) -> str:
    """Return the name of a service's database."""
    return system.urls.of(owner).partition("?")[0].rpartition("/")[2]


@contextmanager
def role_of_payments(system: System) -> Iterator[str]:
    """Yield the address of the payments' database for a role that may use its schemas, and nothing else anywhere."""
    name = f"payments_{uuid4().hex[:12]}"
    role, url = Identifier(name), system.urls.of("payments")
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(SQL("create role {} login").format(role))
        for other in OTHERS:
            database = Identifier(name_in(system, other))
            admin.execute(SQL("revoke connect on database {} from public").format(database))
        for schema in map(Identifier, sorted(names_of(["payments"]))):
            admin.execute(SQL("grant usage on schema {} to {}").format(schema, role))
            admin.execute(SQL("grant select, insert, update on all tables in schema {} to {}").format(schema, role))
        admin.execute(SQL("grant delete on payments.outbox, payments.inbox to {}").format(role))
        yield url.replace("postgres@", f"{name}@")
        admin.execute(SQL("drop owned by {}").format(role))
        admin.execute(SQL("drop role {}").format(role))


async def test_payments_are_made_with_the_role_of_payments_alone(system: System) -> None:
    done, refunded = Scenario("role-done").order(), Scenario("role-refunded", postcode="00000").order()
    by_events = Scenario("role-events", postcode="00000").order()
    with role_of_payments(system) as url:
        for other in OTHERS:
            with pytest.raises(Unavailable, match="permission denied for database"):
                await Database.open(url.replace(name_in(system, "payments"), name_in(system, other)), size=1)
        alone = worker_process(system.environment_with({"payments": url}), "--serve", "payments")
        async with (
            orders_worker(system.client, system.urls, with_apart(system, "payments", "shipping")),
            serving(system, "shipping"),
        ):
            with alone:
                handles = [await system.start(order) for order in (done, refunded)]
                await system.services.choreographed_orders.place(by_events)
                results = [await result_of(handle) for handle in handles]
                assert await until_ended(system.db, by_events) is Status.COMPENSATED

    assert [result.status for result in results if result] == [Status.COMPLETED, Status.COMPENSATED]
    assert (await receipts(system, done.order_id))["payments"] == "settled"
    for order in (refunded, by_events):
        assert (await receipts(system, order.order_id))["payments"] == "undone"
    assert (await queues_of(handles[1]))["refund_payment"] == ["payments"]
    assert await asyncio.to_thread(_refunds, system) == 2


def _refunds(system: System) -> int:
    with psycopg.connect(system.urls.of("payments")) as connection:
        row = connection.execute("select count(*) from payments.ledger where kind = 'refund'").fetchone()
    return int(row[0]) if row else 0
