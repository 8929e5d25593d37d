"""Deliveries to a service apart: on the task queue of the service, or handed over to it."""

import uuid
from dataclasses import replace

import pytest
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment
from temporalio.worker import Worker

from activities.deliveries import MOVED, Addressed, Standing, delivery_of, outcome_of, start
from choreography.assembly import Choreography
from choreography.handling import Deliveries
from choreography.reactions import Subscribers
from models.choreography import EventDelivery
from models.errors import Unavailable
from models.trace import TracedEvent
from tests.choreography.conftest import NO_TEMPORAL, Stage, types_of
from tests.orders.scenarios import Scenario

pytestmark = pytest.mark.server


def payments_apart(stage: Stage) -> Choreography:
    """Return the choreography of a worker of the orders, whose payments have workers of their own."""
    return Choreography(stage.system.client, stage.system.services, apart=["payments"])


def addressed(event: TracedEvent) -> Addressed:
    found = delivery_of(event)
    assert found
    return found


async def ended(client: Client, delivery: Addressed) -> None:
    """Return when a delivery, and what it was handed over to, has ended."""
    for each in (delivery, replace(delivery, moved=True)):
        await client.get_activity_handle(each.id).result()


async def reserved(stage: Stage, name: str) -> TracedEvent:
    return await stage.until(await stage.place(Scenario(name).order()), "StockReserved")


async def handle(deliveries: Deliveries, delivery: EventDelivery) -> str:
    return await ActivityEnvironment().run(deliveries.handle_event, delivery)


async def test_a_delivery_on_the_queue_of_the_orders_is_handed_over_once(stage: Stage) -> None:
    client, event = stage.system.client, await reserved(stage, "moved")
    delivery = addressed(event)
    moved = replace(delivery, moved=True)

    answers = [await handle(payments_apart(stage).deliveries, delivery.delivery) for _ in range(2)]

    assert answers == [MOVED] * 2
    waiting = await outcome_of(client, moved)
    assert (waiting.standing, waiting.queue) == (Standing.RUNNING, "payments")
    served = Choreography(client, stage.system.services).deliveries
    async with Worker(client, task_queue="payments", activities=[served.handle_event]):
        assert await client.get_activity_handle(moved.id, result_type=str).result() == "PaymentCharged"
    assert (await types_of_order(stage, event)).count("PaymentCharged") == 1


async def types_of_order(stage: Stage, event: TracedEvent) -> list[str]:
    order = (await stage.system.services.orders.stored(event.process_id))[0]
    return await types_of(stage.system.services, order)


async def test_what_became_of_a_delivery_that_was_handed_over_is_asked_there(stage: Stage) -> None:
    """As the watcher asks: the first part of the delivery has ended, the second is running, and then handled."""
    client, event = stage.system.client, await reserved(stage, "asked")
    queue, delivery = f"orders-{uuid.uuid4().hex}", addressed(event)
    await stage.lose(event)  # the relay of the stage leaves it alone
    assert (await outcome_of(client, delivery)).standing is Standing.UNKNOWN
    async with Worker(client, task_queue=queue, activities=[payments_apart(stage).deliveries.handle_event]):
        await start(client, delivery, queue)
        assert await client.get_activity_handle(delivery.id, result_type=str).result() == MOVED
    waiting = await outcome_of(client, delivery)
    served = Choreography(client, stage.system.services).deliveries
    async with Worker(client, task_queue="payments", activities=[served.handle_event]):
        await ended(client, delivery)

    assert (waiting.standing, waiting.queue) == (Standing.RUNNING, "payments")
    assert replace(await outcome_of(client, delivery), queue="") == replace(
        waiting, standing=Standing.HANDLED, text="PaymentCharged", queue=""
    )


async def test_a_relay_addresses_a_service_apart_on_its_own_queue(stage: Stage) -> None:
    client, event = stage.system.client, await reserved(stage, "addressed")
    relay = payments_apart(stage).relay(stage.system.stack.database_url)

    while await relay.run_once():
        pass

    outcome = await outcome_of(client, addressed(event))
    assert (outcome.standing, outcome.queue) == (Standing.RUNNING, "payments")
    served = Choreography(client, stage.system.services).deliveries
    async with Worker(client, task_queue="payments", activities=[served.handle_event]):
        handled = client.get_activity_handle(addressed(event).id, result_type=str)
        assert await handled.result() == "PaymentCharged"


async def test_a_worker_that_can_not_hand_over_leaves_the_delivery_to_others(stage: Stage) -> None:
    event = await reserved(stage, "nobody")
    services = stage.system.services
    shipping = Choreography(NO_TEMPORAL, services).participants["shipping"]
    deliveries = Deliveries(Subscribers({"shipping": shipping}), payments_apart(stage).events, services.undelivered)

    with pytest.raises(Unavailable, match="payments: is not served by this worker"):
        await handle(deliveries, addressed(event).delivery)
