"""The commands with a database for each service: each needs only the databases that it uses."""

import asyncio
from collections.abc import AsyncIterator, Callable

import psycopg
import pytest

from models.participants import OWNERS
from models.process import Status
from runtime.embedded.stack import Stack
from services.schemas import names_of
from tests.cli.conftest import Ran, run_here
from tests.orders.apart.running import serving, with_apart
from tests.orders.scenarios import Scenario
from tests.orders.waiting.transfers import transfer_order, waiting
from tests.servers import free_ports, new_database, new_namespace
from tests.systems import Environment, System, changed, open_apart, result_of
from worker import orders_worker

pytestmark = [pytest.mark.server, pytest.mark.faults, pytest.mark.timeout(240)]
AGED = "update orders.orders set closed_at = now() - interval '30 days' where order_id = %s returning 1"
STAYS = "select body ? 'payment' from orders.orders where order_id = %s"


@pytest.fixture(scope="module")
async def system(servers: Stack) -> AsyncIterator[System]:
    """Yield a system with four databases, whose payments and shipping have workers of their own."""
    async with (
        open_apart(servers) as system,
        orders_worker(system.client, system.urls, with_apart(system, "payments", "shipping")),
        serving(system, "payments", "shipping"),
    ):
        yield system


async def command(environment: Environment, *arguments: str, stdin: bytes = b"") -> Ran:
    return await asyncio.to_thread(run_here, environment, *arguments, stdin=stdin)


def without_payments(system: System) -> Environment:
    """Return an environment whose address of the payments' database leads nowhere."""
    (port,) = free_ports(1)
    return system.environment() | {"DATABASE_URL_PAYMENTS": f"postgresql://127.0.0.1:{port}/payments"}


def of_orders_alone(system: System) -> Environment:
    return system.environment_with({"orders": system.urls.of("orders")})


@pytest.mark.parametrize("known", [without_payments, of_orders_alone])
async def test_a_command_that_needs_the_orders_alone_works_without_the_other_databases(
    system: System, known: Callable[[System], Environment]
) -> None:
    here, waits = known(system), transfer_order(f"alone-{known.__name__[:4].strip('_')}")
    await waiting(system, waits)
    for arguments in (
        ("status", waits.order_id),
        ("history", waits.order_id),
        ("list",),
        ("find", "completed"),
        ("stuck", "--older-than", "0s"),
        ("deadletters", "list"),
        ("rebuild",),
        ("cancel", waits.order_id, "--reason", "customer asked", "--wait", "60"),
    ):
        ran = await command(here, *arguments)
        assert (ran.code, "error" in ran.err) == (0, False), (arguments, ran.err)
    placed = await command(here, "place", "-", stdin=Scenario("placed").order().model_dump_json().encode())
    assert placed.code == 0, placed.err


async def test_an_interrupted_pruning_is_completed_by_the_next(system: System) -> None:
    order = Scenario("pruned").order()
    result = await result_of(await system.start(order))
    assert result
    assert result.status is Status.COMPLETED
    assert await system.one(AGED, order.order_id)
    older = ("prune", "--older-than", "29", "--json")

    away = await command(without_payments(system), *older)
    unset = await command(changed(system.environment(), {"DATABASE_URL_PAYMENTS": None}), *older)
    assert (away.code, unset.code) == (4, 2)
    assert unset.err == "error: DATABASE_URL_PAYMENTS: must be set, or DATABASE_URL for all services together\n"
    assert await system.one(STAYS, order.order_id)

    pruned = await command(system.environment(), *older)
    assert pruned.document == {"orders": 1, "slips": 0, "receipts": 2, "states": 0, "dry_run": False}
    assert not await system.one(STAYS, order.order_id)
    assert (await command(system.environment(), *older)).document["orders"] == 0


def schemas_in(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "select nspname from pg_namespace where to_regclass(nspname || '.schema_version') > 0"
        )
        return {name for (name,) in found.fetchall()}


async def test_setup_prepares_each_database_for_its_services(servers: Stack, system: System) -> None:
    urls = {owner: new_database(servers.database_url, "template1") for owner in OWNERS}
    namespace = (await new_namespace(servers)).namespace
    there = {"TEMPORAL_NAMESPACE": namespace}

    alone = await command(system.environment_with({"payments": urls["payments"]}) | there, "setup", "--json")
    assert alone.document == {"done": ["migrations", "installation"], "only": ["payments"]}
    assert {owner: schemas_in(url) for owner, url in urls.items() if schemas_in(url)} == {
        "payments": {"payments", "card_provider", "installation"}
    }
    everything = system.environment_with(urls) | there
    printed = await command(everything, "setup", "--catalogue")
    assert printed.out == "ready: migrations, installation, search attributes, reconciler, catalogue\n"
    assert {owner: schemas_in(url) for owner, url in urls.items()} == {owner: names_of([owner]) for owner in OWNERS}

    elsewhere = {"DATABASE_URL_PAYMENTS": new_database(servers.database_url, "template1")}
    refused = await command(everything | elsewhere, "setup")
    assert refused.code == 6
    assert "correct DATABASE_URL_PAYMENTS or TEMPORAL_NAMESPACE" in refused.err
    assert "move --service payments" in refused.err
    joined = changed(everything, {"DATABASE_URL_PAYMENTS": None, "DATABASE_URL": urls["orders"]})
    refused = await command(joined, "setup")
    assert (refused.code, schemas_in(urls["orders"]) == names_of(["orders"])) == (6, True)


async def test_the_books_are_read_from_their_databases(system: System) -> None:
    books = await system.orders.books()

    assert books.stock["SKU-1"].received == 1000
    assert books.money.keys() == {"card_clearing", "bank", "held", "revenue"}
