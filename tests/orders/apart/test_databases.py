"""Each service with a database and a process of its own: orders and slips end as they do together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack

import pytest

from models.participants import SERVICES
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


@pytest.mark.parametrize("arguments", [("place", "-"), ("batch", "2")])
async def test_a_choreographed_order_is_refused_in_one_line(system: System, arguments: tuple[str, ...]) -> None:
    document = Scenario("choreographed").order().model_dump_json().encode()
    given = (*arguments, "--style", "choreographed")

    placed = await asyncio.to_thread(run_here, system.environment(), *given, stdin=document)

    reason = "choreographed orders need one database for all services, and a service has its own"
    assert (placed.code, placed.err.splitlines()[-1]) == (2, f"error: --style: {reason}")
    assert placed.err.count("error: ") == 1
