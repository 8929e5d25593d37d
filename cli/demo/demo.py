"""`demo`: five orders on the embedded stack, one for each way an order can go, live."""

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

Keep = Annotated[bool, typer.Option("--keep", help="Stay up afterwards, to look around in the Web UI.")]


def demo(keep: Keep = False, as_json: AsJson = False) -> None:
    """Show real orders complete, fail and be undone; exit code 0 when each ended as it must and nothing was lost."""
    run_to_end(_demo(Output(as_json), keep=keep))


async def _demo(output: Output, *, keep: bool) -> None:
    settings = Settings.read()
    # The steps are on the screen already; a worker's log of each failed attempt would only cover them.
    logs.configure("error", settings.log_format)
    came = stop_on_signals(output.note)
    began = f"demo-{int(time.time())}"
    scenes = [Scene(kind, trial_order(kind, f"{began}-{n}", n)) for n, kind in enumerate(SHOWN, start=1)]
    played = Demo(scenes)
    try:
        async with whole_system(settings, output.note) as system:
            await _play(played, system, output)
            output.answer(document(played, system), *shown(played, system))
            if keep:
                output.note(f"staying up for the Web UI, {system.ui_url}; stop with Ctrl-C")
                await asyncio.Event().wait()
    except asyncio.CancelledError:
        if not came:
            raise
        if not keep:
            raise CommandEnded(Code.INTERRUPTED, "interrupted") from None
    if played.wrong:
        raise CommandEnded(Code.UNEXPECTED, "; ".join(played.wrong))


async def _play(played: Demo, system: System, output: Output) -> None:
    """Run all orders at once, live, and compare the books before and after."""
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
    played.wrong += [f"order {scene.order.order_id} ended otherwise" for scene in played.scenes if not scene.as_it_must]


async def _run(scene: Scene, system: System, refresh: Callable[[], None]) -> None:
    placed = await system.orders.place(scene.order)

    def seen(state: ProcessState | None) -> None:
        scene.state = state
        refresh()

    scene.outcome = await system.orders.follow(placed, seen, every=0.25)
