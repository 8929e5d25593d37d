"""The reconciler's page of orders: the activity ends only after the checks of all orders of the page have ended."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator

import pytest
from temporalio.testing import ActivityEnvironment

from activities.process_types import OrderType
from activities.recovery import PAGE_ATTEMPTS, RecoveryActivities
from messaging.dead_letters.dead_letters import DeadLetters
from models.errors import Unavailable
from models.names import workflow_id
from models.order import Order
from models.recovery import OpenProcess, Reconcile, Reconciled
from postgres.database import Database
from runtime.embedded.stack import Stack
from services.installation.installation import Installation
from services.operators.alerts import Alerts
from services.operators.unsent_alerts import UnsentAlerts
from services.orders.open_orders import OpenOrders
from services.orders.orders import Orders
from tests.orders.scenarios import Scenario
from tests.systems import System, open_system
from tests.upkeep.conftest import blocked

pytestmark = [pytest.mark.server, pytest.mark.faults]


@pytest.fixture(scope="module")
async def workerless(servers: Stack) -> AsyncIterator[System]:
    """Yield a system of this module alone: it leaves orders whose workflow never had a worker."""
    async with open_system(servers, workflow_sandbox=True) as system:
        yield system


def upkeep(db: Database) -> RecoveryActivities:
    letters = DeadLetters(db)
    types = [OrderType(OpenOrders(db))]
    return RecoveryActivities(types, letters, UnsentAlerts(db, letters, Alerts(db)), Installation(db))


def running_checks() -> list[str]:
    names = [str(getattr(task.get_coro(), "__qualname__", "")) for task in asyncio.all_tasks()]
    return [name for name in names if "recover_page" in name]


async def test_a_page_that_fails_at_one_order_leaves_no_check_of_another_order_running(workerless: System) -> None:
    for _ in range(3):
        await Orders(workerless.db).accept(Scenario("page").order())
    # With one connection, the first check fails at the lock while the others still wait for the connection.
    async with (
        await Database.open(workerless.stack.database_url, size=1) as db,
        blocked(workerless, "dead_letters.letters"),
    ):
        with pytest.raises(Unavailable):
            await ActivityEnvironment(workerless.client).run(upkeep(db).recover_page, Reconcile(grace_seconds=0))
        assert running_checks() == []


class Spoilt(OrderType):
    """Orders of which some can't be read: an error of one order, and a server that doesn't answer for another."""

    def __init__(self, db: Database, broken: set[str], silent: set[str]) -> None:
        super().__init__(OpenOrders(db))
        self._broken, self._silent = broken, silent

    def body_of(self, found: OpenProcess) -> Order:
        order = super().body_of(found)
        if order.order_id in self._broken:
            raise KeyError("a field of another version")
        if order.order_id in self._silent:
            raise Unavailable("no answer")
        return order


@pytest.mark.parametrize("limit", [1, 100])
async def test_orders_that_can_not_be_examined_stop_no_other_order(workerless: System, limit: int) -> None:
    await workerless.db.rows(b"update orders.orders set status = 'failed', closed_at = now() where closed_at is null")
    orders = [Scenario(name).order() for name in ("broken", "silent", "good")]
    for order in orders:
        await Orders(workerless.db).accept(order)
    broken, silent, good = (order.order_id for order in orders)
    letters = DeadLetters(workerless.db)
    activities = RecoveryActivities(
        [Spoilt(workerless.db, {broken}, {silent})],
        letters,
        UnsentAlerts(workerless.db, letters, Alerts(workerless.db)),
        Installation(workerless.db),
    )

    total, task = Reconciled(), Reconcile(grace_seconds=0, limit=limit)
    while total.next or not total.looked_at:
        environment = ActivityEnvironment(workerless.client)
        # The last attempt of a page: the one order of a page may be the one that no server answers for.
        environment.info = dataclasses.replace(environment.info, attempt=PAGE_ATTEMPTS)
        page = await environment.run(activities.recover_page, task.model_copy(update={"after": total.next}))
        total = total.plus(page)

    assert (total.looked_at, total.dead, total.failed, total.recovering) == (3, 1, 1, 1)
    (letter,) = await letters.of_process(workflow_id(broken), "recovery")
    assert (letter.error_type, letter.message_id) == ("KeyError", broken)
    handle = workerless.client.get_workflow_handle(workflow_id(good))
    await handle.terminate("by a test")
    await workerless.db.rows(b"update dead_letters.letters set status = 'discarded' where status = 'open'")
    await workerless.db.rows(b"update orders.orders set status = 'failed', closed_at = now() where closed_at is null")
