"""The reconciler's page of orders: the activity ends only after the checks of all orders of the page have ended."""

import asyncio

import pytest
from temporalio.testing import ActivityEnvironment

from activities.process_types import OrderType
from activities.recovery import RecoveryActivities
from messaging.dead_letters.dead_letters import DeadLetters
from models.errors import Unavailable
from models.recovery import Reconcile
from postgres.database import Database
from services.inventory.inventory import Inventory
from services.operators.alerts import Alerts
from services.operators.unsent_alerts import UnsentAlerts
from services.orders.open_orders import OpenOrders
from services.orders.orders import Orders
from tests.orders.scenarios import Scenario
from tests.systems import System
from tests.upkeep.conftest import blocked

pytestmark = [pytest.mark.server, pytest.mark.faults]


def upkeep(db: Database) -> RecoveryActivities:
    letters = DeadLetters(db)
    types = [OrderType(OpenOrders(db), Inventory(db))]
    return RecoveryActivities(types, letters, UnsentAlerts(db, letters, Alerts(db)))


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
