"""`plan`: what a cancel would undo now."""

from typing import Any

from cli import intake, render
from cli.asking import run_to_ask, undo_plan_of
from cli.options import AsJson, OrderId
from cli.output import Output
from cli.running import run_to_end
from cli.session import session
from models.commands import UndoPlan


def plan(order_id: OrderId, as_json: AsJson = False) -> None:
    """Show which undos a cancel would run now, in order, what can't be taken back, and the hash for cancel --plan."""
    run_to_end(_plan(intake.order_id(order_id), Output(as_json)))


async def _plan(order_id: str, output: Output) -> None:
    async with session() as opened, run_to_ask(order_id, opened, "no plan") as run:
        found = await undo_plan_of(run)
    output.answer({"order_id": order_id, **found.model_dump(mode="json")}, *_shown(order_id, found))


def _shown(order_id: str, found: UndoPlan) -> list[Any]:
    can = "can be cancelled" if found.cancellable else "can't be cancelled any more"
    head = f"order {order_id} {can} · {render.amount(found.amount) or 'nothing'} to give back · plan {found.hash}"
    if not found.steps:
        return [head, "nothing would be undone"]
    shown = render.table("undo of", "what", "amount", "can't be taken back", "key")
    for step in found.steps:
        cells = (step.step, step.summary, render.amount(step.at_risk), step.irreversible, step.key)
        shown.add_row(*map(render.cell, cells))
    return [head, shown]
