"""`place --style choreographed`: an order that no workflow conducts, from a file to its end."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich.live import Live

from cli import render
from cli.exits import Code, Ended
from cli.output import Output
from cli.placing import Wishes
from cli.session import session
from cli.trace import dead, told, tree
from messaging.dead_letters.dead_letters import DeadLetters
from messaging.outbox.feed import CHANNEL
from messaging.outbox.outbox import Outbox
from models.choreography import Event, Facts
from models.dead_letters import DeadLetter
from models.errors import InvalidInput, NotFound
from models.names import workflow_id
from models.order import Order
from models.process import OrderResult, Status
from models.process import Style as How
from postgres.database import Database
from services.orders.orders import Orders
from services.orders.placing import ChoreographedOrders

LOOK_SECONDS = 0.1

Style = Annotated[How, typer.Option(help="Led by a workflow, or by the events of the services.")]


@dataclass(frozen=True)
class Standing:
    """Where a choreographed order is."""

    result: OrderResult
    events: list[Event]
    letters: list[DeadLetter]

    @property
    def at_rest(self) -> bool:
        """Whether it ended, or waits for a person."""
        return self.result.status.final or bool(self.letters)


def refuse_for_choreographed(express: bool | None, within: float | None = None) -> None:
    """Raise InvalidInput when something is asked for that only a workflow has."""
    if express:
        raise InvalidInput("--express", "a choreographed order has no workflow to try its steps in")
    if within:
        raise InvalidInput("--within", "a choreographed order has no workflow that could answer")


async def place_choreographed(order: Order, wishes: Wishes, output: Output, *, wait: bool) -> None:
    """Place an order and, if asked to, wait until it ends; raise Ended unless it completed."""
    async with session() as opened:
        order = wishes.on(order, opened.settings)
        database = await opened.database()
        new = (await ChoreographedOrders(database, Outbox()).place(order)).new
        if not new:
            output.note(f"order {order.order_id} was placed before: it is not run again")
        standing = (
            await _followed(database, order.order_id, output) if wait else await standing_of(database, order.order_id)
        )
    shown = render.result(standing.result) if wait else f"order {order.order_id} placed · {standing.result.total}"
    output.answer(_document(standing, placed_before=not new), shown)
    if wait and standing.result.status is not Status.COMPLETED:
        raise Ended(Code.NOT_COMPLETED)


async def run_choreographed(order: Order, database: Database) -> OrderResult:
    """Place an order and wait until it ends or needs a person."""
    await ChoreographedOrders(database, Outbox()).place(order)
    return (await _until_at_rest(database, order.order_id, lambda _: None)).result


async def _followed(database: Database, order_id: str, output: Output) -> Standing:
    """Look at the order until it is at rest, live on a terminal."""
    with Live(console=output.notes, auto_refresh=False) as display:

        def seen(standing: Standing) -> None:
            display.update(tree(order_id, standing.events, standing.letters), refresh=True)

        return await _until_at_rest(database, order_id, seen)


async def _until_at_rest(database: Database, order_id: str, seen: Callable[[Standing], None]) -> Standing:
    """Look at the order until it ended or waits for a person."""
    while True:
        standing = await standing_of(database, order_id)
        seen(standing)
        if standing.at_rest:
            return standing
        await asyncio.sleep(LOOK_SECONDS)


async def standing_of(database: Database, order_id: str) -> Standing:
    """Return where a choreographed order is; raise NotFound when it was never placed."""
    record = await Orders(database).find(order_id)
    if record is None:
        raise NotFound(f"there is no order {order_id}")
    events = await Outbox().events(database, order_id)
    letters = await DeadLetters(database).of_process(workflow_id(order_id), CHANNEL)
    result = record.result()
    if letters and not result.status.final:
        stuck = letters[-1]
        subscriber, reason = stuck.message_id.partition(":")[2], f"{stuck.error_type}: {stuck.cause}"
        result = result.model_copy(
            update={"status": Status.NEEDS_ATTENTION, "failed_step": subscriber, "reason": reason}
        )
    if events and not letters:
        result = result.model_copy(update={"tracking": Facts.of(events[-1]).tracking})
    return Standing(result, events, letters)


def _document(standing: Standing, *, placed_before: bool) -> dict[str, Any]:
    return {
        **standing.result.model_dump(mode="json"),
        "style": How.CHOREOGRAPHED,
        "placed_before": placed_before,
        "events": [told(event) for event in standing.events],
        "dead": [dead(letter) for letter in standing.letters],
    }
