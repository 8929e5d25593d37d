"""Moments that a case waits for: an answer was accepted, the deadline passed, the workflow is lost."""

import asyncio
import os
import signal
import time
from typing import TYPE_CHECKING, Any

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import ActivityExecutionStatus

from postgres.connection import LIMITS
from tests.faults.explorer.fleet import stopped

if TYPE_CHECKING:
    from tests.faults.explorer.play.playing import Play

SECONDS_BETWEEN_LOOKS = 0.05
# Seconds until the server and the watcher notice a deadline.
GRACE, WATCH_SECONDS = 2.0, 7.0


async def taken(play: "Play", hit: dict[str, Any]) -> None:
    """Wait until the server has accepted the answer of an attempt."""
    while not await _is_taken(play, hit):
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)


async def _is_taken(play: "Play", hit: dict[str, Any]) -> bool:
    if play.case.step.style == "choreographed":
        described = await play.scene.system.client.get_activity_handle(hit["activity_id"]).describe()
        return described.status is not ActivityExecutionStatus.RUNNING
    asked: set[int] = set()
    async for event in play.handle.fetch_history_events():
        if hit["local"] and _is_marker(event, play.case.step.activity):
            return True
        scheduled = event.activity_task_scheduled_event_attributes
        if scheduled.activity_id == hit["activity_id"]:
            asked.add(event.event_id)
        if _ended(event) in asked:
            return True
    return False


def _ended(event: HistoryEvent) -> int:
    """Return the id of the scheduled event of the activity that an event ended; 0 for any other event."""
    for name in ("completed", "failed", "canceled", "timed_out"):
        if scheduled := getattr(event, f"activity_task_{name}_event_attributes").scheduled_event_id:
            return int(scheduled)
    return 0


def _is_marker(event: HistoryEvent, activity: str) -> bool:
    marker = event.marker_recorded_event_attributes
    contents = [payload.data for payloads in marker.details.values() for payload in payloads.payloads]
    return any(activity.encode() in data for data in contents)


async def past_the_limits(play: "Play", pid: int) -> None:
    """Hold a relay for longer than the limit of an idle transaction, then continue it."""
    if play.case.fault == "stop":
        await stopped(pid)
    if play.case.fault in {"stop", "zombie"}:
        await asyncio.sleep(LIMITS["idle_in_transaction_session_timeout"] / 1000 + 1)
    if play.case.fault == "stop":
        os.kill(pid, signal.SIGCONT)


async def out_of_time(play: "Play") -> None:
    """Wait until the order's deadline has passed and was noticed."""
    began, seconds = time.time(), play.order.deadline_seconds or 0
    choreographed = play.case.step.style == "choreographed"
    while time.time() < began + seconds + (WATCH_SECONDS if choreographed else GRACE):
        if await (_is_timed_out(play) if choreographed else _has_fired(play)):
            return
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)


async def recalled(play: "Play") -> None:
    """Wait until the parcel's receipt is written: by the recall, or by an attempt that gave up or found the parcel."""
    query = b"select true from shipping.receipts where key = %(key)s"
    while not await play.scene.db.row(query, {"key": f"{play.order.order_id}:ship"}):
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)


async def _is_timed_out(play: "Play") -> bool:
    query = b"select true from orders.outbox where process_id = %(id)s and type = 'OrderTimedOut'"
    return await play.scene.db.row(query, {"id": play.order.order_id}) is not None


async def _has_fired(play: "Play") -> bool:
    fired = EventType.EVENT_TYPE_TIMER_FIRED
    return any([event.event_type == fired async for event in play.handle.fetch_history_events()])


async def never_accepted(play: "Play") -> bool:
    """Return whether the orders table has no row of the order."""
    query = b"select true from orders.orders where order_id = %(id)s"
    return await play.scene.db.row(query, {"id": play.order.order_id}) is None
