"""Choreographed orders whose events are not delivered: no relay runs, or the server doesn't take them."""

from datetime import timedelta

from temporalio.client import Client

from activities.server_features import missing_features
from client.advice import START_A_RELAY, START_A_WORKER, helps
from client.diagnosis.findings import Cause, StuckProcess
from messaging.outbox.processes import SilentProcess
from models.choreography import at_risk
from models.money import Money
from models.names import workflow_id
from models.server_features import STANDALONE_ACTIVITIES
from services.assembly import Services


async def undelivered(client: Client, services: Services, age: timedelta, limit: int) -> list[StuckProcess]:
    """Return the choreographed orders with an event that nothing followed for `age`; raise Unavailable, RPCError."""
    silent = await services.outbox_processes.silent(age.total_seconds(), limit)
    if not silent:
        return []
    missing = STANDALONE_ACTIVITIES in await missing_features(client)
    off = STANDALONE_ACTIVITIES.missing_in(client.namespace) if missing else None
    return [_named(process, off, await _money(services, process)) for process in silent]


async def _money(services: Services, process: SilentProcess) -> Money | None:
    """Return what the last event of a process may cost while nothing follows it."""
    events = await services.outbox.events(services.db, process.process_id)
    return at_risk(events[-1]) if events else None


async def silent_younger(services: Services, age: timedelta, limit: int) -> int:
    """Return how many choreographed orders have an event that nothing followed yet, for less than `age`."""
    silent, old = [
        {each.process_id for each in await services.outbox_processes.silent(seconds, limit)}
        for seconds in (0.0, age.total_seconds())
    ]
    return len(silent - old)


def _named(process: SilentProcess, off: str | None, money: Money | None) -> StuckProcess:
    fix, why = helps(START_A_RELAY), "no relay has published it"
    if process.published:
        fix, why = helps(START_A_WORKER), "nothing followed it"
    if off:
        fix = helps(first=f"set {STANDALONE_ACTIVITIES.switch} to true in the server's dynamic configuration")
        why = off
    return StuckProcess(
        process_id=workflow_id(process.process_id),
        cause=Cause.UNDELIVERED,
        detail=f"its event {process.event} has no effect: {why}",
        failure=why,
        since=process.since,
        at_risk=money.amount if money else 0,
        currency=money.currency if money else None,
        **fix,
    )
