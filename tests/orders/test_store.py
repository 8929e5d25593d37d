"""The process state store, with real servers: pages while orders change, and states beyond Temporal's retention."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from psycopg import AsyncConnection
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest

from client.commands import deliver
from client.state_store.paging import token_of
from client.state_store.state_store import StateStore
from models.errors import InvalidInput
from models.order import Order
from models.process import Status
from runtime.embedded.stack import Stack
from tests.orders.scenarios import Scenario
from tests.orders.waiting.transfers import failed, settled, transfer_order, waiting
from tests.systems import System, open_system, result_of
from worker import orders_worker

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
async def system(servers: Stack) -> AsyncIterator[System]:
    """Yield a separate system with a worker."""
    async with (
        open_system(servers) as system,
        orders_worker(system.client, system.stack.database_url, system.settings),
    ):
        yield system


@pytest.fixture
def store(system: System) -> StateStore:
    return system.orders.states


async def every(store: StateStore, status: Status) -> list[str]:
    """Return the order ids of a status from all pages."""
    page = await store.find_by_status(status, 3)
    found = [each.order_id for each in page.found]
    while page.following:
        page = await store.find_by_status(status, 3, page.following)
        found += [each.order_id for each in page.found]
    return found


async def until_seen(store: StateStore, status: Status, order_ids: set[str]) -> None:
    """Wait until Temporal's visibility, which is eventually consistent, lists these orders."""
    async with asyncio.timeout(30):
        while not order_ids <= set(await every(store, status)):
            await asyncio.sleep(0.05)


async def end(system: System, order: Order, *, well: bool = True) -> None:
    handle: Any = system.client.get_workflow_handle(f"order-{order.order_id}")
    await deliver(handle, settled() if well else failed())
    await result_of(handle)


async def test_pages_contain_each_waiting_order_once_while_others_start_and_end(
    system: System, store: StateStore
) -> None:
    orders = [transfer_order("paged") for _ in range(12)]
    await asyncio.gather(*(waiting(system, order) for order in orders))
    await until_seen(store, Status.WAITING, {order.order_id for order in orders})

    page = await store.find_by_status(Status.WAITING, 4)
    found = [each.order_id for each in page.found]
    listed = [order for order in orders if order.order_id in found]
    unlisted = [order for order in orders if order.order_id not in found]
    leaving, coming = [*listed[:2], *unlisted[:2]], transfer_order("paged-late")
    await asyncio.gather(*(end(system, order) for order in leaving), waiting(system, coming))
    while page.following:
        page = await store.find_by_status(Status.WAITING, 4, page.following)
        found += [each.order_id for each in page.found]

    assert len(found) == len(set(found))
    left = {order.order_id for order in leaving}
    assert {order.order_id for order in orders} - left <= set(found)
    assert coming.order_id not in found  # newest first: before the first page
    await asyncio.gather(*(end(system, order, well=False) for order in [*orders, coming] if order not in leaving))


async def test_pages_of_ended_orders_do_not_shift(system: System, store: StateStore) -> None:
    orders = [Scenario("ended").order() for _ in range(7)]
    for handle in [await system.start(order) for order in orders]:
        await result_of(handle)

    first = await store.find_by_status(Status.COMPLETED, 3)
    await result_of(await system.start(Scenario("ended-late").order()))
    found, page = [each.order_id for each in first.found], first
    while page.following:
        page = await store.find_by_status(Status.COMPLETED, 3, page.following)
        found += [each.order_id for each in page.found]

    assert len(found) == len(set(found))
    assert {order.order_id for order in orders} <= set(found)


async def test_an_invalid_page_token_is_refused(store: StateStore) -> None:
    with pytest.raises(InvalidInput, match="--after: is not a `next` token of this list"):
        await store.find_by_status(Status.WAITING, 3, "bm9uc2Vuc2U=")


FORGED = [b"nonsense", b"[1, 2, 3]", b'["2026-01-01", []]', b'["9999-12-31T23:59:59.999999Z", []]']


async def test_a_forged_token_with_the_right_checksum_is_refused(system: System, store: StateStore) -> None:
    listed = [system.orders.list(None, 3, token_of("newest", place)) for place in FORGED]
    ranked = [system.orders.list(Status.NEEDS_ATTENTION, 3, token_of("riskiest", place)) for place in FORGED]
    found = [store.find_by_status(Status.WAITING, 3, token_of("open", place)) for place in FORGED]

    answers = await asyncio.gather(*listed, *ranked, *found, return_exceptions=True)

    for answer in answers:
        assert isinstance(answer, InvalidInput), answer
        assert str(answer).startswith("--after: is not a `next` token of this list")


async def rows(system: System) -> list[Any]:
    query = b"select * from orders.process_states order by order_id"
    async with await AsyncConnection.connect(system.stack.database_url) as connection:
        return await (await connection.execute(query)).fetchall()


async def test_a_dropped_and_rebuilt_read_model_equals_the_previous_one(system: System, store: StateStore) -> None:
    going, declined = transfer_order("going"), Scenario("declined", token="tok_declined").order()
    handle = await waiting(system, going)
    await result_of(await system.start(declined))
    await until_seen(store, Status.WAITING, {going.order_id})
    await store.rebuild()  # a read model that is updated incrementally
    halfway = {row[0]: row[2] for row in await rows(system)}
    await deliver(handle, settled())
    await result_of(handle)
    await store.rebuild()
    before = await rows(system)

    rebuilt = await store.rebuild(drop=True)

    assert halfway[going.order_id] == "waiting"
    assert {row[0]: row[2] for row in before}[going.order_id] == "completed"
    assert await rows(system) == before
    assert rebuilt.from_temporal >= len(before)  # an order that was reset has several runs


async def test_concurrent_rebuilds_change_nothing(system: System, store: StateStore) -> None:
    await store.rebuild()
    before = await rows(system)

    await asyncio.gather(*(store.rebuild() for _ in range(3)))

    assert await rows(system) == before


async def test_an_order_that_temporal_deleted_is_still_found_with_its_steps(system: System, store: StateStore) -> None:
    order = Scenario("forgotten", token="tok_flaky_1").order()
    handle = await system.start(order)
    await result_of(handle)
    known = await store.load(order.order_id)
    await until_listed(system, order)
    await store.rebuild()
    await system.client.workflow_service.delete_workflow_execution(
        DeleteWorkflowExecutionRequest(
            namespace=system.client.namespace, workflow_execution=WorkflowExecution(workflow_id=handle.id)
        )
    )
    await until_listed(system, order, there=False)

    kept = await store.load(order.order_id)
    assert kept == known
    assert kept
    assert [line.attempt for line in kept.history if line.step == "charge"] == [2]
    assert order.order_id in await every(store, Status.COMPLETED)

    await store.rebuild(drop=True)
    outcome = await store.load(order.order_id)
    assert outcome
    assert (outcome.status, outcome.history) == ("completed", ())


async def until_listed(system: System, order: Order, *, there: bool = True) -> None:
    """Wait until Temporal lists an order as ended, or no longer lists the order."""
    query = f"WorkflowId = 'order-{order.order_id}' AND ExecutionStatus != 'Running'"
    async with asyncio.timeout(90):
        while bool([run async for run in system.client.list_workflows(query)]) is not there:
            await asyncio.sleep(0.05)


async def test_an_unknown_order_is_not_found(store: StateStore) -> None:
    assert await store.load("never-was") is None
