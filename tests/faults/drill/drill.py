"""One drill: load, outage of the card provider, and the commands that `stuck` advises until nothing is left."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runtime.settings import PROJECT
from tests.conservation import assert_conserved
from tests.faults.chaos.processes.post import clean_environ
from tests.faults.chaos.processes.system import ChaosSystem, open_system
from tests.faults.chaos.rest import open_work
from tests.faults.drill.load import place_all

# What a person at a terminal waits between two looks.
SECONDS_BETWEEN_LOOKS = 5.0
SECONDS_TO_END = 600.0
SECONDS_TO_CHARGE = 60.0
# As after the loss of a provider: every call waits, and then fails.
_NO_PARCELS = b"lock table carrier.entries in access exclusive mode"
_NO_MONEY = b"lock table card_provider.entries in access exclusive mode"
_CHARGED = b"select count(*)::int from card_provider.calls where operation = 'charge' and outcome = 'taken'"
_OUTCOMES = b"""
select status, count(*)::int from (
  select status from orders.orders union all select status from slips.slips
) as process group by status order by status
"""
_MONEY = b"""
select coalesce(sum(amount) filter (where credit = %(account)s), 0)::bigint
  - coalesce(sum(amount) filter (where debit = %(account)s), 0)::bigint
from payments.ledger
"""


@dataclass
class Drilled:
    """The results of a drill: the advised commands by cause, those that failed, and the outcomes of the processes."""

    stuck_after_the_outage: int = 0
    rounds: int = 0
    commands: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    outcomes: dict[str, int] = field(default_factory=dict)
    held: int = -1
    seconds_to_end: float = 0.0


@contextmanager
def own_folder() -> Iterator[Path]:
    """Yield a new folder for a drill, and delete it at the end."""
    folder = Path(tempfile.mkdtemp(prefix="drill-"))
    folder.chmod(0o711)  # PostgreSQL runs as its own user
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def drill(
    folder: Path, processes: int, outage_seconds: float, report: Callable[[str], None], *, hasty: bool
) -> Drilled:
    """Run a drill in its own folder; with `hasty`, a failing undo is parked after seconds.

    Raises TimeoutError when the advised commands don't end every process, AssertionError when money or stock is open.
    """
    done = Drilled()
    async with open_system(folder, hasty=hasty) as system:
        report(f"{processes} orders and slips are placed, and the card provider goes down for {outage_seconds:.0f} s")
        await _outage(system, processes, outage_seconds)
        began = time.monotonic()
        async with asyncio.timeout(SECONDS_TO_END):
            while await _round(system, done, report):
                await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
        done.seconds_to_end = time.monotonic() - began
        await assert_conserved(system.db)
        done.outcomes = {str(status): count for status, count in await system.db.rows(_OUTCOMES)}
        done.held = int((await system.db.rows(_MONEY, {"account": "held"}))[0][0])
    return done


async def _outage(system: ChaosSystem, processes: int, seconds: float) -> None:
    """Take the card provider away while every process is under way, and many have charged their card.

    Until then the carrier holds the parcels back: a quick machine would have ended the processes, a slow one not begun.
    """
    async with system.connection() as card_provider:
        async with system.connection() as carrier:
            await carrier.execute(_NO_PARCELS)
            await place_all(system.orders, processes)
            async with asyncio.timeout(SECONDS_TO_CHARGE):
                while (await system.db.rows(_CHARGED))[0][0] < processes // 4:
                    await asyncio.sleep(0.1)
            await card_provider.execute(_NO_MONEY)
        await asyncio.sleep(seconds)


async def _round(system: ChaosSystem, done: Drilled, report: Callable[[str], None]) -> bool:
    """Do what `stuck` advises; return whether something is left to end."""
    groups = await _stuck(system)
    count = sum(group["count"] for group in groups)
    done.rounds += 1
    done.stuck_after_the_outage = done.stuck_after_the_outage or count
    waiting = await open_work(system)
    report(f"{count} stuck in {len(groups)} groups; left: {waiting or 'nothing'}")
    for group in groups:
        for command in group["commands"]:
            done.commands[group["cause"]] += 1
            code, output = await _shell(system, command)
            # What has ended by itself meanwhile can't be reset any more, and is no longer advised.
            if code and command in _commands(await _stuck(system)):
                done.failed.append(f"{command}: {code}: {output}")
    return bool(groups or waiting)


def _commands(groups: list[dict[str, Any]]) -> set[str]:
    return {command for group in groups for command in group["commands"]}


async def _stuck(system: ChaosSystem) -> list[dict[str, Any]]:
    code, output = await _shell(system, "python starter.py stuck --older-than 0s --json")
    if code:
        raise RuntimeError(f"stuck ended with {code}: {output}")
    groups: list[dict[str, Any]] = json.loads(output)["groups"]
    return groups


async def _shell(system: ChaosSystem, command: str) -> tuple[int, str]:
    """Run a command as it is printed, in a shell with the project's environment; return its exit code and output."""
    environ = clean_environ() | {
        "DATABASE_URL": system.stack.database_url,
        "TEMPORAL_ADDRESS": system.stack.temporal_address,
        "TEMPORAL_CONFIG_FILE": os.devnull,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    process = await asyncio.create_subprocess_shell(
        command, cwd=PROJECT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out, err = await process.communicate()
    return process.returncode or 0, (out if not process.returncode else err + out).decode(errors="replace").strip()
