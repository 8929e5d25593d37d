"""The effect of each fault on the attempt that it strikes."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from temporalio import activity

from models.errors import Final, Unavailable
from postgres.database import Database
from postgres.pipeline import Connection
from tests.faults.injection.injecting import SECONDS_BETWEEN_LOOKS, Action, Rule, in_line
from tests.faults.injection.late_runs import settle, settle_and_fail, settle_and_hang, settle_and_pay
from tests.faults.injection.others import cross, rival

if TYPE_CHECKING:
    from tests.faults.injection.attempts import Attempt

_BLOCKED = b"select exists (select from pg_stat_activity where %(pid)s = any(pg_blocking_pids(pid)))"


async def _error(_attempt: "Attempt", rule: Rule, _connection: Connection | None) -> None:
    raise Unavailable(f"injected: {rule.name}")


async def _final(_attempt: "Attempt", rule: Rule, _connection: Connection | None) -> None:
    raise Final(f"injected: {rule.name}")


async def _hang(_attempt: "Attempt", _rule: Rule, _connection: Connection | None) -> None:
    await asyncio.get_running_loop().create_future()


async def _duplicate(attempt: "Attempt", rule: Rule, connection: Connection | None) -> None:
    other = attempt.again(rule)
    if rule.point in {"before", "answered"}:
        return  # the copy runs concurrently, or after the release of the fault
    while connection is not None and not other.done() and not await _is_waited_for(attempt, connection):
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
    if connection is None:
        await asyncio.wait([other])


async def _is_waited_for(attempt: "Attempt", connection: Connection) -> bool:
    """Return whether another session waits for a lock of this one."""
    row = await Database.row(attempt.database, _BLOCKED, {"pid": connection.info.backend_pid})
    return row is not None and bool(row[0])


async def _hold(attempt: "Attempt", rule: Rule, _connection: Connection | None) -> None:
    await attempt.notes.until(rule.name, "release")


async def _release(attempt: "Attempt", rule: Rule, connection: Connection | None) -> None:
    """Let the held attempt of the rule `behind` continue, and wait until it has ended, or waits for this session."""
    attempt.notes.first(rule.behind, "release")
    while not attempt.notes.has(rule.behind, "ended"):
        if connection is not None and await _is_waited_for(attempt, connection):
            return
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)


async def _line(attempt: "Attempt", rule: Rule, _connection: Connection | None) -> None:
    """Hold every attempt until the release; then let the attempts continue one after the other."""
    attempt.notes.first(in_line(rule.name, attempt.number), "hit")
    await attempt.notes.until(rule.name, "release")
    if attempt.number > 1:
        await attempt.notes.until(in_line(rule.name, attempt.number - 1), "ended")


async def _stand(attempt: "Attempt", rule: Rule, _connection: Connection | None) -> None:
    """Wait with heartbeats until the release: a request for the order meanwhile decides how the order continues."""
    alive = asyncio.create_task(_heartbeat())
    try:
        await attempt.notes.until(rule.name, "release")
    finally:
        alive.cancel()


async def _await_cancel(_attempt: "Attempt", _rule: Rule, _connection: Connection | None) -> None:
    """Wait with heartbeats until the cancel reaches the attempt."""
    alive = asyncio.create_task(_heartbeat())
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        alive.cancel()


async def _heartbeat() -> None:
    while activity.in_activity() and activity.info().heartbeat_timeout:
        activity.heartbeat()
        await asyncio.sleep(0.2)


async def _kill(_attempt: "Attempt", _rule: Rule, _connection: Connection | None) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def _stop(_attempt: "Attempt", _rule: Rule, _connection: Connection | None) -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


async def _read_only(attempt: "Attempt", _rule: Rule, _connection: Connection | None) -> None:
    """Leave this process with connections that answer readers only, as a failover does; new ones may write."""
    for connection in list(attempt.database._pool._pool):
        await connection.execute("set default_transaction_read_only = on")


async def _signal(_attempt: "Attempt", _rule: Rule, _connection: Connection | None) -> None:
    """Only leave the note: the explorer watches the notes and does the rest."""


ACTIONS: dict[Action, Callable[["Attempt", Rule, Connection | None], Awaitable[None]]] = {
    "error": _error,
    "lose": _error,
    "final": _final,
    "hang": _hang,
    "duplicate": _duplicate,
    "reuse": _duplicate,
    "rival": rival,
    "cross": cross,
    "hold": _hold,
    "line": _line,
    "stand": _stand,
    "await-cancel": _await_cancel,
    "kill": _kill,
    "stop": _stop,
    "signal": _signal,
    "read-only": _read_only,
    "settle": settle,
    "settle-pay": settle_and_pay,
    "settle-fail": settle_and_fail,
    "settle-hang": settle_and_hang,
    "release": _release,
}
