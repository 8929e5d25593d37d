"""`demo`: five orders with different outcomes on the embedded stack, shown live."""

import asyncio
import time
from collections.abc import Callable
from typing import Annotated

import typer
from rich.live import Live

from cli.demo.scenes import SHOWN, Demo, Scene, document, overview, shown
from cli.demo.system import System, stop_on_signals, whole_system
from cli.exits import Code, CommandEnded
from cli.options import AsJson
from cli.orders.mix import trial_order
from cli.output import Output
from cli.run import run_to_end
from client.books import differences
from models.process import ProcessState
from runtime import logs
from runtime.settings import Settings

Keep = Annotated[bool, typer.Option("--keep", help="Keep the servers running afterwards, for the Web UI.")]


def demo(keep: Keep = False, as_json: AsJson = False) -> None:
    """Show real orders complete, fail and be undone; exit code 0 when outcomes, stock and ledger are right."""
    run_to_end(_demo(Output(as_json), keep=keep))


async def _demo(output: Output, *, keep: bool) -> None:
    # The demo's worker serves every service, whatever the environment says of other workers.
    settings = Settings.read().model_copy(update={"apart": ()})
    # The worker's log of failed attempts would overwrite the live display.
    logs.configure("error", settings.log_format)
    received = stop_on_signals(output.note)
    began = f"demo-{int(time.time())}"
    scenes = [Scene(kind, trial_order(kind, f"{began}-{n}", n)) for n, kind in enumerate(SHOWN, start=1)]
    played = Demo(scenes)
    try:
        async with whole_system(settings, output.note) as system:
            await _play(played, system, output)
            output.answer(document(played, system), *shown(played, system))
            if keep:
                output.note(f"the servers keep running; Web UI: {system.ui_url}; stop with Ctrl-C")
                await asyncio.Event().wait()
    except asyncio.CancelledError:
        if not received:
            raise
        if not keep:
            raise CommandEnded(Code.INTERRUPTED, "interrupted") from None
    if played.wrong:
        raise CommandEnded(Code.UNEXPECTED, "; ".join(played.wrong))


async def _play(played: Demo, system: System, output: Output) -> None:
    """Run all orders at once, live, and compare stock and ledger before and after."""
    before = await system.orders.books()
    with Live(overview(played.scenes), console=output.notes, auto_refresh=False, transient=True) as display:

        def refresh() -> None:
            display.update(overview(played.scenes), refresh=True)

        async with asyncio.TaskGroup() as running:
            for scene in played.scenes:
                running.create_task(_run(scene, system, refresh))
    after = await system.orders.books()
    ended = [(scene, scene.outcome.result) for scene in played.scenes if scene.outcome]
    completed = [
        (scene.order, result.total.amount) for scene, result in ended if result.status == "completed" and result.total
    ]
    played.wrong = differences(before, after, completed)
    unexpected = (scene.order.order_id for scene in played.scenes if not scene.as_expected)
    played.wrong += [f"order {order_id} did not end as expected" for order_id in unexpected]


async def _run(scene: Scene, system: System, refresh: Callable[[], None]) -> None:
    placed = await system.orders.place(scene.order)

    def seen(state: ProcessState | None) -> None:
        scene.state = state
        refresh()

    scene.outcome = await system.orders.follow(placed, seen, every=0.25)
