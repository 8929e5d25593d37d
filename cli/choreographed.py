"""`place --style choreographed`: an order that no workflow conducts, from a file to its end."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.live import Live

from choreography.orders import place
from cli import render
from cli.exits import Code, Ended
from cli.output import Output
from cli.placing import Wishes, result_of
from cli.session import session
from cli.trace import told, tree
from models.errors import Conflict, InvalidInput, NotFound
from models.order import Order
from models.order_events import Event, Facts
from models.process import OrderResult, Status
from services.database import Database
from services.orders import Orders
from services.outbox import Letter, Outbox

LOOK_SECONDS = 0.1


class How(StrEnum):
    """Who leads an order to its end: a workflow, or nobody."""

    ORCHESTRATED = "orchestrated"
    CHOREOGRAPHED = "choreographed"


Style = Annotated[How, typer.Option(help="Led by a workflow, or by the events of the services.")]


@dataclass(frozen=True)
class Standing:
    """Where a choreographed order is."""

    result: OrderResult
    events: list[Event]
    letters: list[Letter]

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
        _, new = await place(database, Outbox(), order)
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
    await place(database, Outbox(), order)
    return (await _until_at_rest(database, order.order_id, lambda _: None)).result


async def refuse_choreographed(database: Database, order_id: str) -> None:
    """Raise Conflict when the services lead this order already: a workflow must not do so too."""
    if await Outbox().knows(database, order_id):
        raise Conflict(f"order {order_id} was placed with --style choreographed")


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
    events, letters = await Outbox().events(database, order_id), await Outbox().dead(database, order_id)
    result = result_of(record)
    if letters and not result.status.final:
        stuck = letters[-1]
        result = result.model_copy(
            update={"status": Status.NEEDS_ATTENTION, "failed_step": stuck.subscriber, "reason": stuck.cause}
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
        "dead": [vars(letter) for letter in standing.letters],
    }
