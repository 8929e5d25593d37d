"""A database restored from a backup: an order that completed since then is not undone, and can be completed again."""

import asyncio
import os
import re
import shlex
import subprocess
from dataclasses import replace

import pytest

from client.installation import move
from models.order import Order
from models.process import Status
from postgres.database import Database
from runtime.embedded.stack import Stack
from services.orders.orders import Orders
from tests.conservation import assert_conserved
from tests.orders.scenarios import Scenario
from tests.servers import new_database
from tests.systems import POOL, System, open_system, result_of
from tests.temporal_cli import BINARY
from tests.upkeep.conftest import calls, closed_as, reconcile, recoveries, starter
from worker import orders_worker

pytestmark = [pytest.mark.server, pytest.mark.faults]


async def test_an_order_that_completed_after_the_backup_is_a_dead_letter_and_is_completed_again(servers: Stack) -> None:
    order = Scenario("restored").order()
    async with open_system(servers, workflow_sandbox=True) as lost:
        async with orders_worker(lost.client, lost.stack.database_url, lost.settings):
            result = await result_of(await lost.start(order))
        assert result is not None
        assert result.status is Status.COMPLETED
        url = new_database(servers.database_url)
        async with await Database.open(url, size=POOL) as db:
            system = replace(lost, stack=replace(lost.stack, database_url=url), db=db)
            await Orders(db).accept(order)  # all that the backup has of it
            name = db.place.rpartition("/")[2]
            namespace = system.client.namespace
            assert await move(system.client, system.services, database=name, namespace=namespace, with_unfinished=True)
            async with orders_worker(system.client, url, system.settings):
                await not_undone_but_completed(system, order)
            await assert_conserved(db)
            await system.observer.close()


async def not_undone_but_completed(system: System, order: Order) -> None:
    assert (await reconcile(system)).dead == 1
    assert (await reconcile(system)).dead == 0
    assert await recoveries(system, order) == ["OrderWorkflow"]
    ran = await starter(system, "stuck", "--older-than", "0s", "--json")
    [found] = [each for each in ran.document["stuck"] if each["process_id"] == f"order-{order.order_id}"]
    assert found["cause"] == "dead_letter"
    assert "its workflow completed" in found["detail"]

    advice = re.search(r"(temporal workflow reset .*?);", found["detail"])
    assert advice is not None
    await asyncio.to_thread(run_temporal, system, advice[1])
    assert await closed_as(system, order.order_id) == "completed"
    redriven = await starter(system, *shlex.split(found["help"])[2:])

    assert redriven.code == 0, redriven.err
    assert await calls(system, order, "card_provider", "refund", "taken_back") == 0
    assert await calls(system, order, "carrier", "cancel", "taken_back") == 0


def run_temporal(system: System, command: str) -> None:
    """Run a command as it is printed."""
    environment = {**system.environment(), "TEMPORAL_CONFIG_FILE": os.devnull}
    done = subprocess.run(
        [BINARY, *shlex.split(command)[1:]], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
