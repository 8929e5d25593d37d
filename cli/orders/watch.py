"""`watch`: follow an order that was placed before, live."""

from cli import intake
from cli.exits import Code, CommandEnded
from cli.options import AsJson, OrderId
from cli.orders.choreographed import watch_choreographed
from cli.orders.place import watch_to_end
from cli.output import Output
from cli.run import run_to_end
from client.handles import process_named
from models.errors import Conflict
from models.names import ProcessKind
from orders import connect


def watch(order_id: OrderId, as_json: AsJson = False) -> None:
    """Follow an order until it ends or waits; exit code 0 when it completes or waits for a transfer, otherwise 3."""
    run_to_end(_watch(intake.process(order_id), Output(as_json)))


async def _watch(order: str, output: Output) -> None:
    async with connect() as orders:
        name = await process_named(order, orders.connection, [ProcessKind.ORDER])
        if await orders.choreographed.is_choreographed(name.id):
            await watch_choreographed(name.id, orders, output, placed_before=True)
            return
        try:
            placed = await orders.placed(order)
        except Conflict as gone:
            raise CommandEnded(Code.NOT_COMPLETED, str(gone)) from None
        await watch_to_end(placed, orders, output)
