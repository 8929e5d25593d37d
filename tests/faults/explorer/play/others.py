"""Concurrent requests during a case: a rival order for the same articles, and the same order placed again."""

import asyncio
from typing import TYPE_CHECKING

from client.connection import Connection
from client.orders import OrdersClient
from models.names import ORDER_WORKFLOW, workflow_id
from models.order import Line, Order
from tests.systems import result_of
from worker import services_on

if TYPE_CHECKING:
    from tests.faults.explorer.play.playing import Play

SECONDS_BETWEEN_LOOKS = 0.1


async def place_rival(play: "Play", lines: tuple[Line, ...] | None = None) -> Order:
    """Place another order, by default for the same articles; on the same worker if it is orchestrated."""
    other = {"order_id": f"{play.order.order_id}-rival", "lines": lines or play.order.lines}
    rival = play.order.model_copy(update=other)
    async with play.scene.asking("place", rival.order_id, rival.body_hash()):
        if play.case.step.style == "choreographed":
            await play.scene.place(rival)
        else:
            await play.scene.system.client.start_workflow(
                ORDER_WORKFLOW, rival, id=workflow_id(rival.order_id), task_queue=play.queue
            )
    play.rivals.append(rival.order_id)
    return rival


async def overtake(play: "Play") -> None:
    """Place an order of an article that nothing holds, and wait until its event from the same service is published."""
    rival = await place_rival(play, (Line(sku="SKU-1", quantity=1),))
    service = play.case.step.which.partition(":")[0].encode()
    query = b"select true from %s.outbox where process_id = %%(id)s and published_at is not null" % service
    while not await play.scene.db.row(query, {"id": rival.order_id}):
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)


async def wait_for_rivals(play: "Play") -> None:
    """Wait until the rival orders have ended."""
    while not play.scene.closed.issuperset(play.rivals):
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
    if play.case.step.style == "orchestrated":
        for order_id in play.rivals:
            await result_of(play.scene.system.client.get_workflow_handle(workflow_id(order_id)))


async def place_again(play: "Play") -> None:
    """Place the order again, as a client does, and then a different order under the same id."""
    more = tuple(line.model_copy(update={"quantity": line.quantity + 1}) for line in play.order.lines)
    for order in (play.order, play.order.model_copy(update={"lines": more})):
        async with play.scene.asking("place", order.order_id, order.body_hash()):
            await _place(play, order)


async def _place(play: "Play", order: Order) -> None:
    orders = OrdersClient(
        Connection.to(play.scene.system.client, services_on(play.scene.databases, play.scene.system.settings))
    )
    await (orders.choreographed if play.case.step.style == "choreographed" else orders).place(order)
