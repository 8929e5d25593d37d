"""`watch`: an order that was placed before, followed live."""

from temporalio.client import Client

from cli import intake
from cli.exits import Code, Ended
from cli.options import AsJson, OrderId
from cli.output import Output
from cli.place import watch_to_end
from cli.placing import Placed, exists, run_of
from cli.running import run_to_end
from cli.session import session
from models.errors import NotFound
from services.orders.orders import Orders


def watch(order_id: OrderId, as_json: AsJson = False) -> None:
    """Follow an order until it ends or waits: exit code 0 when it completes or waits for a transfer, 3 when not."""
    run_to_end(_watch(intake.order_id(order_id), Output(as_json)))


async def _watch(order_id: str, output: Output) -> None:
    async with session() as opened:
        orders = await opened.orders()
        await watch_to_end(await _placed(order_id, await opened.client(), orders), orders, output)


async def _placed(order_id: str, client: Client, orders: Orders) -> Placed:
    """The order as `place` would find it, without placing it."""
    run, record = run_of(order_id, client), await orders.find(order_id)
    total = record.total if record else None
    if await exists(run):
        return Placed(order_id, total, again=True, handle=run)
    if record is None:
        raise NotFound(f"there is no order {order_id}")
    if not record.status.final:
        raise Ended(Code.NOT_COMPLETED, f"order {order_id} is {record.status}, but its workflow is gone")
    return Placed(order_id, total, again=True, handle=None, ended=record.result())
