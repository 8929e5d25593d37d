"""Each service with a database and a process of its own: orders and slips end as they do together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack

import pytest

from models.participants import OWNERS, SERVICES
from models.process import Status
from runtime.embedded.stack import Stack
from tests.cli.conftest import run_here, worker_process
from tests.gathered import assert_all_conserved
from tests.orders.apart.running import receipts
from tests.orders.scenarios import Scenario
from tests.slips.conftest import result_of as result_of_slip
from tests.slips.conftest import start as start_slip
from tests.slips.slips import slip
from tests.systems import System, open_apart, result_of

pytestmark = [pytest.mark.server, pytest.mark.faults, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
async def system(servers: Stack) -> AsyncIterator[System]:
    """Yield a system with four databases, and with four processes that each know only their own."""
    async with open_apart(servers) as system:
        urls = system.settings.own_databases
        with ExitStack() as running:
            orders = system.environment_with({"orders": urls["orders"]}, ORDERS_APART=",".join(SERVICES))
            running.enter_context(worker_process(orders))
            for service in SERVICES:
                alone = system.environment_with({service: urls[service]})
                running.enter_context(worker_process(alone, "--serve", service))
            yield system
            await asyncio.to_thread(running.close)
        await assert_all_conserved(system)


async def test_an_order_is_completed_and_settled_in_each_database(system: System) -> None:
    order = Scenario("alone").order()

    result = await result_of(await system.start(order))

    assert result
    assert result.status is Status.COMPLETED
    assert await receipts(system, order.order_id) == dict.fromkeys(SERVICES, "settled")


@pytest.mark.parametrize(
    ("scenario", "expected"),
    [
        (Scenario("declined", token="tok_declined"), {"inventory": "undone", "payments": "refused", "shipping": None}),
        (Scenario("refused", postcode="00000"), {"inventory": "undone", "payments": "undone", "shipping": "refused"}),
        (Scenario("express", express=True, postcode="00000"), None),
    ],
    ids=lambda each: each.name if isinstance(each, Scenario) else "",
)
async def test_an_order_that_fails_is_undone_in_each_database(
    system: System, scenario: Scenario, expected: dict[str, str | None] | None
) -> None:
    order = scenario.order()

    result = await result_of(await system.start(order))

    assert result
    assert result.status is Status.COMPENSATED
    if expected is not None:
        assert await receipts(system, order.order_id) == expected


async def test_slips_complete_and_go_back(system: System) -> None:
    stops = ("price", "reserve", "charge", "wrap", "ship")
    done, back = [await start_slip(system, slip(*stops, postcode=code)) for code in ("69001", "00000")]

    results = [await result_of_slip(handle) for handle in (done, back)]

    assert [str(result.status) for result in results if result] == ["completed", "compensated"]


@pytest.mark.parametrize("scenario", [Scenario("events-ok"), Scenario("events-refused", postcode="00000")])
async def test_a_choreographed_order_ends_in_each_database(system: System, scenario: Scenario) -> None:
    order, fails = scenario.order(), scenario.postcode == "00000"
    knowing = system.environment_with({"orders": system.settings.own_databases["orders"]})
    place = ("place", "-", "--style", "choreographed", "--json")

    placed = await asyncio.to_thread(run_here, knowing, *place, stdin=order.model_dump_json().encode())

    assert (placed.code, placed.document["status"]) == ((3, "compensated") if fails else (0, "completed")), placed.err
    undone = {"inventory": "undone", "payments": "undone", "shipping": "refused"}
    assert await receipts(system, order.order_id) == (undone if fails else dict.fromkeys(SERVICES, "settled"))
    published = [event["publisher"] for event in placed.document["events"]]
    assert set(published) == set(OWNERS)


async def test_a_batch_of_choreographed_orders_ends(system: System) -> None:
    given = ("batch", "4", "--style", "choreographed", "--mix", "ok=1,declined=1", "--json")

    ran = await asyncio.to_thread(run_here, system.environment(), *given)

    assert ran.code == 0, ran.err
    assert ran.document["outcomes"] == {"completed": 2, "compensated": 2}
