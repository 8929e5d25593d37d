"""Choreographed orders whose events are not delivered: no relay runs, or the server doesn't take them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from temporalio.client import Client

from activities.deliveries import Outcome, Standing, delivery_of, outcome_of
from activities.server_features import missing_features
from client.advice import START_A_RELAY, helps, start_a_worker
from client.diagnosis.findings import Cause, StuckProcess
from models.choreography import REPEATED, TOO_LATE, at_risk
from models.money import Money
from models.names import TASK_QUEUE, workflow_id
from models.participants import OWNERS
from models.server_features import STANDALONE_ACTIVITIES
from models.trace import TracedEvent
from services.assembly import Services


@dataclass(frozen=True)
class Silent:
    """An order with an event that has waited since a time, why, and what helps."""

    process_id: str
    event: str
    since: datetime
    fix: dict[str, Any]
    why: str
    money: Money | None


async def undelivered(client: Client, services: Services, age: timedelta, limit: int) -> list[StuckProcess]:
    """Return the choreographed orders with an event that nothing followed for `age`; raise Unavailable, RPCError."""
    silent = await _silent(client, services, age.total_seconds(), limit)
    if not silent:
        return []
    missing = STANDALONE_ACTIVITIES in await missing_features(client)
    off = STANDALONE_ACTIVITIES.missing_in(client.namespace) if missing else None
    return [_named(each, off) for each in silent]


async def silent_younger(services: Services, age: timedelta, limit: int) -> int:
    """Return how many choreographed orders have an event that nothing followed yet, for less than `age`."""
    young, old = [await _without_effect(services, seconds, limit) for seconds in (0.0, age.total_seconds())]
    return len(young - old)


async def _without_effect(services: Services, seconds: float, limit: int) -> set[str]:
    unpublished = {each.process_id for each in await _unpublished(services, seconds, limit)}
    return unpublished | {each.process_id for each in await services.trace.silent(seconds, limit)}


async def _unpublished(services: Services, seconds: float, limit: int) -> list[Silent]:
    """Return the orders with an event that no relay has published, of the services in the database of the orders."""
    databases, found = services.databases, dict[str, Silent]()
    for owner in OWNERS:
        if databases.owned_by(owner) is not databases.orders:
            continue
        for each in await services.feed(owner).unpublished(seconds, limit):
            money = at_risk(each.event, await _total(services, each.process_id))
            found[each.process_id] = _for_relay(each.process_id, each.event, each.since, owner, money)
    return list(found.values())


async def _silent(client: Client, services: Services, seconds: float, limit: int) -> list[Silent]:
    found = {each.process_id: each for each in await _unpublished(services, seconds, limit)}
    for each in await services.trace.silent(seconds, limit):
        events = await services.trace.events(each.process_id)
        if each.process_id not in found and events:
            found[each.process_id] = await _waiting(client, events[-1], each.since)
    return sorted(found.values(), key=lambda silent: silent.since)[:limit]


async def _waiting(client: Client, last: TracedEvent, since: datetime) -> Silent:
    """Return what an order waits for whose last event nothing followed."""
    money, addressed = at_risk(last.type, last.total), delivery_of(last)
    outcome = await outcome_of(client, addressed) if addressed else Outcome(Standing.UNKNOWN)
    if addressed and outcome.standing is Standing.HANDLED and not outcome.text.endswith(TOO_LATE):
        event, subscriber = outcome.text.removeprefix(f"{REPEATED}: "), addressed.delivery.subscriber
        return _for_relay(last.process_id, event, since, subscriber, money, outcome.queue)
    why = "nothing followed it"
    if outcome.queue != TASK_QUEUE:
        why = f"{why}, its delivery is on the task queue {outcome.queue}"
    return Silent(last.process_id, last.type, since, helps(start_a_worker(outcome.queue)), why, money)


def _for_relay(
    process_id: str, event: str, since: datetime, service: str, money: Money | None, queue: str = TASK_QUEUE
) -> Silent:
    fix = helps(START_A_RELAY if queue == TASK_QUEUE else start_a_worker(queue))  # a service apart has its own relay
    return Silent(process_id, event, since, fix, f"no relay of {service} has published it", money)


async def _total(services: Services, process_id: str) -> Money | None:
    events = await services.trace.events(process_id)
    return events[-1].total if events else None


def _named(silent: Silent, off: str | None) -> StuckProcess:
    fix, why = silent.fix, silent.why
    if off:
        fix = helps(first=f"set {STANDALONE_ACTIVITIES.switch} to true in the server's dynamic configuration")
        why = off
    return StuckProcess(
        process_id=workflow_id(silent.process_id),
        cause=Cause.UNDELIVERED,
        detail=f"its event {silent.event} has no effect: {why}",
        failure=why,
        since=silent.since,
        at_risk=silent.money.amount if silent.money else 0,
        currency=silent.money.currency if silent.money else None,
        **fix,
    )
