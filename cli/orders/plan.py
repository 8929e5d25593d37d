"""`plan`: show what a cancel would undo now."""

from typing import Any

from cli import intake, render
from cli.options import AsJson, ProcessId
from cli.output import Output, plain
from cli.run import run_to_end
from models.commands import UndoPlan
from models.names import ProcessName
from orders import connect


def plan(process: ProcessId, as_json: AsJson = False) -> None:
    """Show the undos that a cancel would run now, in order, what is irreversible, and the hash for cancel --plan."""
    run_to_end(_plan(intake.process(process), Output(as_json)))


async def _plan(process: str, output: Output) -> None:
    async with connect() as orders:
        name = await orders.named(process)
        found = await orders.plan(name.path)
    document = {"order_id": render.order_id(name), "process": name.path, **found.model_dump(mode="json")}
    output.answer(document, *_shown(name, found))


def _shown(name: ProcessName, found: UndoPlan) -> list[Any]:
    can = "can be cancelled" if found.cancellable else "can't be cancelled any more"
    refund = f"{render.amount(found.amount)} {found.currency}" if found.amount else "nothing"
    head = f"{name} {can} · {refund} to refund · plan {found.hash}"
    if not found.steps:
        return [plain(head), "no step would be undone"]
    shown = render.table("undo of", "detail", "amount", "irreversible", "key")
    for step in found.steps:
        cells = (step.step, step.summary, render.amount(step.at_risk), step.irreversible, step.key)
        shown.add_row(*map(render.cell, cells))
    return [plain(head), shown]
