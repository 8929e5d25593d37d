"""What `redrive` says: processed only when it was, what a limit left, and that nothing has the fingerprint."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from activities import lost_processes
from choreography import redrive
from models.dead_letters import LetterStatus, Undeliverable
from models.names import workflow_id
from models.order import Order
from runtime.embedded.stack import Stack
from services.orders.orders import Orders
from tests.cli.conftest import Ran, run_here
from tests.orders.scenarios import Scenario
from tests.systems import System, open_system
from worker import redriving

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
async def idle(servers: Stack) -> AsyncIterator[System]:
    """Yield a system without a worker."""
    async with open_system(servers) as system:
        yield system


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for half a second where the product waits for half a minute."""
    monkeypatch.setattr(lost_processes, "SECONDS_TO_RECOVER", 0.5)
    monkeypatch.setattr(redrive, "SECONDS_TO_HANDLE", 0.5)


async def command(system: System, *arguments: str) -> Ran:
    return await asyncio.to_thread(run_here, system.environment(), *arguments)


async def lost(system: System) -> tuple[Order, int]:
    """Return an order without a workflow, and the letter of its recovery."""
    order = Scenario("lost").order()
    await Orders(system.db).accept(order)
    letter = Undeliverable(
        channel="recovery",
        message_id=order.order_id,
        process_id=workflow_id(order.order_id),
        original=b"{}",
        error_type="Unavailable",
        cause="the carrier gives no answer",
        attempts=8,
    )
    return order, await system.services.dead_letters.record(letter)


async def undelivered(system: System) -> int:
    """Return the letter of a delivery of a choreographed order."""
    order = Scenario("events").order()
    await system.services.choreographed_orders.place(order)
    (event,) = await system.services.trace.events(order.order_id)
    await system.services.undelivered.record(event, "inventory", "Unavailable", "down", 8, None)
    (letter,) = await system.services.dead_letters.of_process(workflow_id(order.order_id), "deliveries")
    return letter.letter_id


@pytest.mark.parametrize("channel", ["recovery", "deliveries"])
async def test_what_no_worker_processes_is_not_called_processed(idle: System, channel: str) -> None:
    number = (await lost(idle))[1] if channel == "recovery" else await undelivered(idle)

    outcome = await redriving(idle.client, idle.services).one(number, "ann", "try")

    assert (outcome.status, outcome.in_progress) == (LetterStatus.REDRIVEN, True)
    (*_, last) = await idle.services.dead_letters.audit(number)
    assert (last.action, last.reason) == ("redriven", "handed over, not processed yet")


async def test_what_a_limit_leaves_and_what_is_not_processed_yet_is_said(idle: System) -> None:
    for _ in range(3):
        await lost(idle)
    before = len(await idle.services.dead_letters.open())

    shown = await command(idle, "deadletters", "redrive", "--all", "--limit", "1", "--reason", "try")
    document = (
        await command(idle, "deadletters", "redrive", "--all", "--limit", "1", "--reason", "r", "--json")
    ).document

    assert shown.code == 0, shown.err
    assert f"0 redriven, 0 failed again, {before - 1} not tried, 1 not processed yet" in shown.out
    assert "python worker.py" in shown.out
    assert document["left"] == before - 2
    assert [each["in_progress"] for each in document["outcomes"]] == [True]


async def test_a_letter_that_was_closed_before_is_not_counted_as_redriven(idle: System) -> None:
    numbers = [(await lost(idle))[1] for _ in range(2)]
    for number in numbers:
        await idle.services.dead_letters.take(number, "ben", "a colleague")
        await idle.services.dead_letters.redriven(number, "ben")

    ran = await command(idle, "deadletters", "redrive", *map(str, numbers), "--reason", "r")

    assert ran.code == 3, ran.err
    assert "0 redriven, 0 failed again, 0 not tried, 2 closed before" in ran.out


async def test_a_fingerprint_that_no_open_letter_has_is_not_found(idle: System) -> None:
    ran = await command(idle, "deadletters", "redrive", "--fingerprint", "f00ba4", "--reason", "r")

    assert (ran.code, ran.out) == (5, "")
    assert "no open dead letter has the fingerprint f00ba4" in ran.err
