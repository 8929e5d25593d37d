"""An effect that died, in either style, has an alert, a letter, an amount at risk, and is in every list."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from io import StringIO

import pytest
from rich.console import Console

from cli.orders.choreographed import watch_choreographed
from cli.output import Output
from models.dead_letters import DeadLetter
from models.errors import Conflict
from models.money import Money
from models.names import workflow_id
from models.order import Order
from models.process import Status
from providers.webhook import WebhookNotifier
from services.assembly import Services
from tests.choreography.conftest import Stage, dead_deliveries, stage
from tests.orders.scenarios import Scenario
from tests.runtime.hook import Hook, listening
from tests.systems import System
from tests.upkeep.conftest import SECONDS_TO_HAPPEN, starter
from worker import build, redriving

__all__ = ["stage"]

pytestmark = [pytest.mark.server, pytest.mark.faults]


async def dead_refund(stage: Stage) -> Order:
    """Return a choreographed order whose refund is refused permanently."""
    order = await stage.place(Scenario("dead-refund", postcode="00000").order())
    await stage.until(order, "ShipmentRefused")
    await set_receipt(stage.system, order, "settled")
    while not await dead_deliveries(stage.db, order):
        await stage.relay.run_once()
    return order


async def publish_again(services: Services, letter: DeadLetter) -> None:
    """Free the order of a dead delivery, and let a relay publish its event again."""
    event_id, _, subscriber = letter.message_id.partition(":")
    event = await services.trace.event(event_id)
    assert event is not None
    assert await services.feed(event.publisher).again(event_id) == 1
    await services.undelivered.free(event_id, subscriber)


async def set_receipt(system: System, order: Order, status: str) -> None:
    query = b"update payments.receipts set status = %(status)s where key = %(key)s"
    await system.db.rows(query, {"status": status, "key": f"{order.order_id}:charge"})


@pytest.fixture(scope="module")
async def dead(stage: Stage) -> AsyncIterator[Order]:
    """A dead refund, which is refunded after the tests."""
    order = await dead_refund(stage)
    yield order
    await set_receipt(stage.system, order, "done")
    (letter,) = await dead_deliveries(stage.db, order)
    await publish_again(stage.system.services, letter)
    assert await stage.to_the_end(order) == "compensated"
    await stage.system.services.dead_letters.take(letter.letter_id, "ann", "a test")
    await stage.system.services.dead_letters.redriven(letter.letter_id, "ann")


async def test_a_dead_refund_is_in_every_list_with_its_amount(stage: Stage, dead: Order) -> None:
    system, order_id = stage.system, dead.order_id
    (letter,) = await dead_deliveries(stage.db, dead)
    await system.services.unsent_alerts.alert_of_letters()

    stuck = {each.process_id: each for each in (await system.orders.stuck(timedelta(0))).stuck}
    listed = {each.order_id: each for each in (await system.orders.list(Status.NEEDS_ATTENTION)).orders}
    found = await system.orders.states.find_by_status(Status.NEEDS_ATTENTION)
    alert = await system.db.row(
        b"select at_risk, currency, failure from operators.alerts where order_id = %(id)s", {"id": order_id}
    )

    assert (letter.at_risk, letter.currency) == (4970, "EUR")
    assert (stuck[workflow_id(order_id)].cause, stuck[workflow_id(order_id)].at_risk) == ("dead_letter", 4970)
    assert (listed[order_id].at_risk, listed[order_id].currency, listed[order_id].workflow) == (4970, "EUR", None)
    assert order_id in [each.order_id for each in found.found]
    (group,) = [each for each in await system.orders.dead_letters.groups() if letter.letter_id in each.letters]
    assert group.at_risk == (Money(amount=4970, currency="EUR"),)
    assert alert is not None
    assert alert[:2] == (4970, "EUR")
    assert f"dead letter {letter.letter_id}" in alert[2]


async def test_the_commands_name_the_command_that_helps_and_no_workflow(stage: Stage, dead: Order) -> None:
    (letter,) = await dead_deliveries(stage.db, dead)
    helps = f"python starter.py deadletters redrive {letter.letter_id} --reason 'cause fixed'"

    status, as_json, watched = [
        await starter(stage.system, *words, dead.order_id) for words in (("status",), ("status", "--json"), ("watch",))
    ]

    assert (status.code, watched.code) == (0, 3), status.err + watched.err
    for shown in (status.out, watched.out):
        assert "needs_attention" in shown
        assert helps in shown
        assert "its workflow is gone" not in shown
    assert (as_json.document["status"], as_json.document["style"]) == ("needs_attention", "choreographed")
    assert as_json.document["help_command"] == helps


async def test_an_order_that_runs_has_no_workflow_and_is_not_gone(stage: Stage) -> None:
    order = await stage.place(Scenario("healthy").order())

    status = await starter(stage.system, "status", order.order_id)
    running = await stage.system.orders.states.find_by_status(Status.RUNNING)

    assert "running · choreographed" in status.out
    assert order.order_id in [each.order_id for each in running.found]
    assert await stage.to_the_end(order) == "completed"
    assert "completed" in (await starter(stage.system, "status", order.order_id)).out


async def test_place_reports_the_events_and_that_nothing_follows(stage: Stage) -> None:
    order, written = await stage.place(Scenario("told").order()), StringIO()
    output = Output(as_document=True, notes=Console(file=written))
    following = asyncio.create_task(
        watch_choreographed(order.order_id, stage.system.orders, output, placed_before=False)
    )

    async with asyncio.timeout(SECONDS_TO_HAPPEN):
        while "has no new event" not in written.getvalue():
            await asyncio.sleep(0.1)
    assert await stage.to_the_end(order) == "completed"
    await following

    events = [line for line in written.getvalue().splitlines() if line.isalpha()]
    done = ["OrderPlaced", "StockReserved", "PaymentCharged", "ShipmentCreated"]
    assert events == [*done, "PaymentSettled", "StockSettled", "OrderCompleted"]


@pytest.mark.parametrize("webhook", [True, False])
async def test_an_alert_is_redriven_by_a_worker_with_the_workers_notifiers(workerless: System, webhook: bool) -> None:
    with listening() as hook:
        await redrive_an_alert(workerless, hook, webhook=webhook)


async def redrive_an_alert(system: System, hook: Hook, *, webhook: bool) -> None:
    notifiers = [WebhookNotifier(hook.url)] if webhook else []
    of_worker = Services(system.db, system.services.providers, notifiers)
    number = await given_up(system)
    of_shell = redriving(system.client, system.services)  # the operator's shell has no webhook

    async with build(system.client, of_worker, system.settings):
        if webhook:
            ended = await of_shell.one(number, "ann", "the pager is back")
            assert ended.status == "redriven"
        else:
            with pytest.raises(Conflict, match="the workers have no receiver of alerts"):
                await of_shell.one(number, "ann", "try")

    sent = "select sent_at is not null from operators.alerts where key = (select message_id from dead_letters.letters"
    assert await system.one(f"{sent} where letter_id = %s)", number) is webhook
    assert len(hook.calls) == int(webhook)
    assert (await system.services.dead_letters.read(number)).status == ("redriven" if webhook else "open")


async def given_up(system: System) -> int:
    """Return the number of the dead letter of an alert that no notifier accepted."""
    key = f"{Scenario('alert').order().order_id}:charge:undo:0"
    insert = b"""
        insert into operators.alerts (key, order_id, step, direction, failure, at_risk, currency)
        values (%(key)s, split_part(%(key)s, ':', 1), 'charge', 'undo', 'down', 4970, 'EUR')"""
    await system.db.rows(insert, {"key": key})
    assert await system.services.unsent_alerts.give_up(0) >= 1
    return int(await system.one("select letter_id from dead_letters.letters where message_id = %s", key))
