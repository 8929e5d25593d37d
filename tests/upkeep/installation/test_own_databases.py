"""A service's own database belongs to the namespace, too: its worker checks that one only."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from models.errors import NotSetUp, WrongInstallation
from models.participants import OWNERS
from models.process import Status
from orders import connect
from runtime.databases import DatabaseUrls
from runtime.embedded.stack import Stack
from serving.participants import participants_worker
from tests.orders.apart.running import with_apart
from tests.servers import new_namespace
from tests.systems import System, open_apart
from tests.upkeep.installation.conftest import command
from worker import orders_worker

pytestmark = [pytest.mark.server, pytest.mark.faults]


@pytest.fixture(scope="module")
async def first(servers: Stack) -> AsyncIterator[System]:
    async with open_apart(servers) as system:
        yield system


@pytest.fixture(scope="module")
async def second(servers: Stack) -> AsyncIterator[System]:
    async with open_apart(servers) as system:
        yield system


def with_payments_of(one: System, other: System) -> DatabaseUrls:
    return replace(one.urls, payments=other.urls.of("payments"))


async def test_a_worker_refuses_the_payments_of_another_installation(first: System, second: System) -> None:
    mixed = with_payments_of(first, second)

    for apart in ((), ("inventory",)):
        with pytest.raises(WrongInstallation, match="correct DATABASE_URL_PAYMENTS"):
            async with orders_worker(first.client, mixed, with_apart(first, *apart)):
                pass
    with pytest.raises(WrongInstallation, match="move --service payments --database"):
        async with participants_worker(first.client, mixed, first.settings, served=("payments",)):
            pass
    # Others are not asked about the payments.
    async with (
        participants_worker(first.client, mixed, first.settings, served=("shipping",)),
        orders_worker(first.client, mixed, with_apart(first, "payments", "shipping")),
    ):
        pass


async def test_a_command_checks_a_database_when_it_needs_it(first: System, second: System) -> None:
    theirs = {"database_url_payments": second.urls.of("payments")}
    settings = first.settings.model_copy(update=theirs)

    async with connect(settings, first.client) as orders:
        assert (await orders.states.find_by_status(Status.COMPLETED, 1)).found == []
        with pytest.raises(WrongInstallation, match="correct DATABASE_URL_PAYMENTS"):
            await orders.books()


async def test_each_database_is_moved_by_itself(servers: Stack) -> None:
    async with open_apart(servers) as before:
        after = replace(before, client=await new_namespace(servers))
        for owner in OWNERS:
            name = before.urls.of(owner).partition("?")[0].rpartition("/")[2]
            confirmed = ("--database", name, "--namespace", after.client.namespace)
            of_service = () if owner == "orders" else ("--service", owner)
            moved = await command(after, "move", *of_service, *confirmed, "--json")
            again = await command(after, "move", *of_service, *confirmed, "--json")
            assert (moved.code, moved.document["moved"], again.document["moved"]) == (0, True, False), moved.err
        async with orders_worker(after.client, after.urls, after.settings):
            pass
        with pytest.raises((WrongInstallation, NotSetUp)):
            async with participants_worker(before.client, before.urls, before.settings, served=("payments",)):
                pass


async def test_a_service_without_its_own_database_is_not_moved_by_itself(one: System) -> None:
    name, namespace = one.db.place.rpartition("/")[2], one.client.namespace

    refused = await command(one, "move", "--service", "payments", "--database", name, "--namespace", namespace)

    problem = "payments has no database of its own; move that of the orders without it"
    assert (refused.code, refused.err) == (2, f"error: --service: {problem}\n")
