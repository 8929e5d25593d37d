"""`watch`: follow an order or a slip that was placed before, live."""

from cli import intake
from cli.exits import Code, CommandEnded
from cli.options import AsJson, ProcessId
from cli.orders.choreographed import watch_choreographed
from cli.orders.place import watch_to_end
from cli.output import Output
from cli.run import run_to_end
from cli.slips.slip import watch_slip
from models.errors import Conflict
from models.names import ProcessKind
from orders import connect


def watch(process: ProcessId, as_json: AsJson = False) -> None:
    """Follow an order or a slip until it ends or waits; exit code 0 when it completes or waits for an event, else 3."""
    run_to_end(_watch(intake.process(process), Output(as_json)))


async def _watch(process: str, output: Output) -> None:
    async with connect() as orders:
        orders.tell_outages(output.note)
        name = await orders.named(process)
        if name.kind is ProcessKind.ORDER and await orders.choreographed.is_choreographed(name.id):
            await watch_choreographed(name.id, orders, output, placed_before=True)
            return
        try:
            if name.kind is ProcessKind.SLIP:
                await watch_slip(await orders.slips.placed(name.path), orders.slips, output)
            else:
                await watch_to_end(await orders.placed(name.path), orders, output)
        except Conflict as gone:
            raise CommandEnded(Code.NOT_COMPLETED, str(gone)) from None
