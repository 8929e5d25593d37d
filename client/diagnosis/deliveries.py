"""Choreographed orders whose events are not delivered: no relay runs, or the server doesn't take them."""

from datetime import timedelta

from temporalio.client import Client

from activities.server_features import missing_features
from client.advice import START_A_WORKER
from client.diagnosis.causes import Cause, StuckProcess
from messaging.outbox.processes import SilentProcess
from models.names import workflow_id
from models.server_features import STANDALONE_ACTIVITIES
from services.assembly import Services

START_A_RELAY = "python worker.py --relay-only"


async def undelivered(client: Client, services: Services, age: timedelta, limit: int) -> list[StuckProcess]:
    """Return the choreographed orders with an event that nothing followed for `age`; raise Unavailable, RPCError."""
    silent = await services.outbox_processes.silent(age.total_seconds(), limit)
    if not silent:
        return []
    off = STANDALONE_ACTIVITIES in await missing_features(client)
    return [_named(process, STANDALONE_ACTIVITIES.missing_in(client.namespace) if off else None) for process in silent]


def _named(process: SilentProcess, off: str | None) -> StuckProcess:
    fix, why = START_A_RELAY, "no relay has published it"
    if process.published:
        fix, why = START_A_WORKER, "nothing followed it"
    if off:
        fix, why = f"set {STANDALONE_ACTIVITIES.switch} to true in the server's dynamic configuration", off
    return StuckProcess(
        process_id=workflow_id(process.process_id),
        cause=Cause.UNDELIVERED,
        detail=f"its event {process.event} has no effect: {why}",
        help=fix,
        since=process.since,
    )
