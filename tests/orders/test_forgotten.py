"""Temporal forgets an order after its retention; the orders table doesn't, and its outcome stands."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from models.names import workflow_id
from models.order import Order
from tests.cli.conftest import as_bytes, order_document, run_starter
from tests.conservation import assert_conserved
from tests.orders.moments.test_reset import effects
from tests.orders.scenarios import Scenario
from tests.systems import System, result_of

pytestmark = [pytest.mark.server, pytest.mark.timeout(150)]
TEMPORAL = Path(sys.executable).parent / "temporal"
COMPLETED = Scenario("forgotten")
REFUSED = Scenario("forgotten-too", postcode="00000", status="compensated")
ANEW = Scenario("anew")
# The server puts a deletion off for half a minute.
SECONDS_TO_FORGET = 90
Forgotten = dict[str, tuple[Order, dict[str, Any]]]


@pytest.fixture(scope="module")
async def forgotten(system: System) -> AsyncIterator[Forgotten]:
    """Orders that ended and that Temporal was made to forget, with the effects that they had."""
    orders = {scenario.name: scenario.order() for scenario in (COMPLETED, REFUSED, ANEW)}
    for order in orders.values():
        await result_of(await system.start(order))
    effects_of = {name: (order, await effects(system, order)) for name, order in orders.items()}
    await asyncio.gather(*(forget(system, order.order_id) for order in orders.values()))
    yield effects_of
    await assert_conserved(system.db)


async def forget(system: System, order_id: str) -> None:
    """Have Temporal delete an order's workflow, as it does by itself after its retention."""
    done = await asyncio.create_subprocess_exec(
        TEMPORAL,
        *("workflow", "delete", "--workflow-id", workflow_id(order_id), "--yes"),
        env=system.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    _, said = await done.communicate()
    assert done.returncode == 0, said
    async with asyncio.timeout(SECONDS_TO_FORGET):
        while await is_known(system, order_id):
            await asyncio.sleep(0.2)


async def is_known(system: System, order_id: str) -> bool:
    try:
        await system.client.get_workflow_handle(workflow_id(order_id)).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return True


@pytest.mark.parametrize(("scenario", "code"), [(COMPLETED, 0), (REFUSED, 3)], ids=["completed", "compensated"])
async def test_an_order_that_temporal_forgot_is_placed_again_and_has_its_old_outcome(
    system: System, forgotten: Forgotten, scenario: Scenario, code: int
) -> None:
    order, before = forgotten[scenario.name]
    document = order_document(order.order_id)
    document["ship_to"]["postcode"] = scenario.postcode
    environment = system.environment()

    again = await asyncio.to_thread(run_starter, environment, "place", "-", "--json", stdin=as_bytes(document))
    other = as_bytes(document | {"customer_id": "c-8"})
    conflict = await asyncio.to_thread(run_starter, environment, "place", "-", stdin=other)

    assert (again.code, json.loads(again.out)["status"]) == (code, scenario.status), again.err
    assert conflict.code == 6, conflict.err
    assert not await is_known(system, order.order_id)
    assert await effects(system, order) == before


async def test_a_forgotten_order_that_somebody_starts_anew_has_no_second_effect(
    system: System, forgotten: Forgotten
) -> None:
    order, before = forgotten[ANEW.name]
    handle = await system.start(order)
    result = await result_of(handle)

    assert result
    assert result.status == "completed"
    assert (await handle.describe()).status == WorkflowExecutionStatus.COMPLETED
    assert await effects(system, order) == before
