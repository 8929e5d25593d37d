"""The dead letter of a recovery has the money at risk, whether or not the services could be asked."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from models.names import slip_workflow_id
from models.slips.slip import RoutingSlip
from services.slips.slips import Slips
from tests.orders.scenarios import Scenario
from tests.slips.conftest import start
from tests.slips.slips import slip, stop
from tests.systems import System
from tests.upkeep.conftest import SECONDS_TO_HAPPEN, blocked, closed_as, lock_awaited, reconcile, starter, step_reached
from worker import orders_worker
from workflows import policies

pytestmark = [pytest.mark.server, pytest.mark.faults]
LETTER = "select letter_id from dead_letters.letters where channel = 'recovery' and message_id = %s"
AT_RISK = "select at_risk from dead_letters.letters where letter_id = %s"


async def letter_of(system: System, process: str) -> int:
    """Wait until the recovery of a process is a dead letter, and return the letter's number."""
    async with asyncio.timeout(SECONDS_TO_HAPPEN):
        while (found := await system.one(LETTER, process)) is None:
            await asyncio.sleep(0.2)
    return int(found)


async def redriven(system: System, letter: int) -> None:
    ran = await starter(system, "deadletters", "redrive", str(letter), "--reason", "the carrier is back")
    assert ran.code == 0, ran.err


@pytest.fixture
async def hurried(workerless: System) -> AsyncIterator[System]:
    """Yield a system whose worker tries a do once, and an undo, or what decides about it, only twice."""
    patience = [(policy, policy.attempts) for policy in (policies.DO, policies.UNDO)]
    for (policy, _), attempts in zip(patience, (1, 2), strict=True):
        object.__setattr__(policy, "attempts", attempts)
    # The sandbox would import the policies again, without this change.
    settings = workerless.settings.model_copy(update={"workflow_sandbox": False})
    try:
        async with orders_worker(workerless.client, workerless.stack.database_url, settings):
            yield workerless
    finally:
        for policy, attempts in patience:
            object.__setattr__(policy, "attempts", attempts)


async def test_the_letter_of_a_slip_has_the_amount_that_payments_said(hurried: System) -> None:
    lost = slip("price", "charge", "ship")
    async with blocked(hurried, "carrier.entries"):
        handle = await start(hurried, lost)
        await step_reached(hurried, handle, "ship")
        await lock_awaited(hurried)
        await handle.terminate("by a test")
        await reconcile(hurried)
        letter = await letter_of(hurried, f"slip.{lost.slip_id}")

    # No field of the slip has the amount: it is the answer of an earlier stop.
    assert await hurried.one(AT_RISK, letter) == 2980
    await redriven(hurried, letter)
    assert await hurried.one("select status from slips.slips where slip_id = %s", lost.slip_id) in {
        "completed",
        "compensated",
    }


async def test_the_letter_of_an_order_has_its_price(hurried: System) -> None:
    order = Scenario("priced").order()
    async with blocked(hurried, "carrier.entries"):
        handle = await hurried.start(order)
        await step_reached(hurried, handle, "ship")
        await lock_awaited(hurried)
        await handle.terminate("by a test")
        await reconcile(hurried)
        letter = await letter_of(hurried, order.order_id)

    assert await hurried.one(AT_RISK, letter) == 4970
    await redriven(hurried, letter)
    assert await closed_as(hurried, order.order_id) in {"completed", "compensated"}


async def test_the_letter_of_a_slip_that_can_not_be_recovered_has_the_amounts_in_it(kept: System) -> None:
    amount = {"amount": 1250, "currency": "EUR"}
    lost = slip("reserve", stop("charge", amount=amount), stop("charge-2", amount={"$var": "fee"}))
    lost = RoutingSlip.model_validate(lost.model_dump() | {"variables": {**lost.variables, "fee": amount}})
    await Slips(kept.db).accept(lost)
    revision = b"insert into slips.revisions (slip_id, version, ahead) values (%(id)s, 2, '7')"
    await kept.db.rows(revision, {"id": lost.slip_id})
    await reconcile(kept)
    letter = await letter_of(kept, f"slip.{lost.slip_id}")

    # The revisions can't be read, the slip can.
    assert await kept.one(AT_RISK, letter) == 2500
    gone = b"delete from slips.revisions where slip_id = %(id)s"
    await kept.db.rows(gone, {"id": lost.slip_id})
    await redriven(kept, letter)
    result = await kept.client.get_workflow_handle(slip_workflow_id(lost.slip_id)).describe()
    assert result.close_time is not None
