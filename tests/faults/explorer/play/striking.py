"""The part of a fault outside of the worker: after the fault's note, the explorer kills, cancels or terminates."""

import asyncio
import os
import signal
from typing import TYPE_CHECKING

from tests.faults.explorer.fleet import ended, stopped
from tests.faults.explorer.matrix.faults import DEADLY, MOMENTS
from tests.faults.explorer.play import asking, moments, others

if TYPE_CHECKING:
    from tests.faults.explorer.play.playing import Play


async def strike(play: "Play") -> None:
    """Wait for the note of the fault, and do the rest."""
    case, notes = play.case, play.scene.notes
    if case.rule is None:
        return
    hit = await notes.until(case.rule.name, "hit")
    play.under_way.set()
    if case.point == "answered":
        await moments.taken(play, hit)
    if case.fault == "rival":
        await others.place_rival(play)
    elif case.fault == "overtaken":
        await others.overtake(play)
    elif case.fault in DEADLY and case.own_worker:
        await _replace_worker(play, hit["pid"])
    elif case.fault.startswith("cancel") or (case.fault == "zombie-undone" and case.step.style == "orchestrated"):
        await asking.cancel(play)
    elif case.step.stage == "relay":
        await moments.past_the_limits(play, hit["pid"])
    elif case.fault == "deadline":
        await moments.out_of_time(play)
    elif case.fault.startswith("terminate") or case.fault in MOMENTS:
        await asking.terminate(play)
    play.resume()
    play.struck.set()


async def _replace_worker(play: "Play", pid: int) -> None:
    """Wait until the worker is dead or stopped, then start another one for the order."""
    assert play.own_process is not None
    fatal = signal.SIGSTOP if play.case.fault == "stop" else signal.SIGKILL
    if play.case.point == "answered":
        os.kill(pid, fatal)
    await (ended(play.own_process) if fatal is signal.SIGKILL else stopped(pid))
    if play.case.fault == "kill-cancel":
        await asking.cancel(play)
    await play.worker(alone=False)


async def drive(play: "Play") -> None:
    """Do what belongs to each driver after it has struck, and release it."""
    for number, driver in enumerate(play.case.path.drivers):
        rule = play.case.driven(driver, number)
        if not driver.then:
            continue
        await play.scene.notes.until(rule.name, "hit")
        if driver.action == "kill" and play.own_process is not None:
            await ended(play.own_process)
        if driver.then == "cancel-update":  # accepted only by a worker
            async with asyncio.TaskGroup() as both:
                both.create_task(asking.cancel_by_update(play))
                both.create_task(play.worker(alone=False))
            continue
        await _THEN[driver.then](play)
        if driver.action == "kill":
            await play.worker(alone=False)
        if driver.then != "terminate":  # the attempt of a terminated workflow learns of that, and does nothing
            play.scene.notes.first(rule.name, "release")


_THEN = {
    "deadline": moments.out_of_time,
    "recall": moments.recalled,
    "cancel": asking.cancel,
    "terminate": asking.terminate,
}
