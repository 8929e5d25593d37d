"""The workers of the services apart: no workflows, and of each service only its own code, provider and schemas."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from temporalio.client import Client
from temporalio.worker import Worker

from activities.accepted import AcceptedByCall
from activities.installation_guard import guarded_all
from activities.interceptor import ActivityInterceptor
from activities.server_features import require_deployments, require_features
from choreography.background import choreographing
from choreography.participants import OfParticipants, Part
from models.participants import ACTIVITIES, DOES, SERVICES, Owner, Service
from models.server_features import SCHEDULES, STANDALONE_ACTIVITIES
from postgres.database import Database
from runtime import tuning
from runtime.databases import DatabaseUrls, urls_of
from runtime.metrics import meter
from runtime.process import Arguments
from runtime.settings import Settings
from runtime.versioning import deployment_config
from services.accepted import Accepted, AcceptedMemory, accepted_on
from serving import process
from serving.databases import opened_for
from serving.process import Program


@dataclass(frozen=True)
class Offered:
    """What a process does for its services: their activities, and the relays and tasks of their events."""

    activities: dict[Service, list[Callable[..., Any]]]
    events: OfParticipants


def served_in(arguments: Arguments) -> tuple[Service, ...]:
    """Return the services whose own task queues the arguments name."""
    return tuple(service for service in SERVICES if service in arguments.serve)


def program(arguments: Arguments) -> Program:
    """Return the program of a process that serves only services apart."""
    served = served_in(arguments)
    return Program(
        "worker",
        served,
        run=partial(participants_worker, served=served),
        ready=partial(participants_ready, served=served),
        flags=("--serve", ",".join(served)),
    )


def main() -> int:
    """Run the program until SIGTERM or SIGINT; return the exit code of `serving.process.main`."""
    return process.main(program)


@asynccontextmanager
async def participants_worker(
    client: Client, urls: DatabaseUrls | str, settings: Settings, *, served: Sequence[Service]
) -> AsyncIterator[list[Worker]]:
    """Run a worker for each of these services during the block, then drain them; raise as `worker.orders_worker`."""
    async with participants_ready(client, urls, settings, served=served) as offered, AsyncExitStack() as stack:
        workers = [_worker(client, service, activities, settings) for service, activities in offered.activities.items()]
        for worker in workers:
            await stack.enter_async_context(worker)
        tasks, answering = offered.events.tasks(meter(client)), offered.events.answering([ActivityInterceptor()])
        await stack.enter_async_context(choreographing(tasks, answering))
        tuning.tune()
        async with drained_together(workers):
            yield workers


@asynccontextmanager
async def drained_together(workers: Sequence[Worker]) -> AsyncIterator[None]:
    """Drain workers at the end of the block, side by side: one after the other would take the drain time of each."""
    try:
        yield
    finally:
        await asyncio.gather(*(worker.shutdown() for worker in workers))


@asynccontextmanager
async def participants_ready(
    client: Client, given: DatabaseUrls | str, settings: Settings, *, served: Sequence[Service]
) -> AsyncIterator[Offered]:
    """Yield what the process does for the services, after a check of what they need, and of nothing else."""
    urls = urls_of(given)
    async with opened_for(urls, settings, served) as found:
        # A schedule marks the installation.
        asks = any(urls.apart(service) for service in served)
        await require_features(client, SCHEDULES, *([STANDALONE_ACTIVITIES] if asks else []))
        if settings.deployment:
            await require_deployments(client)
        async with guarded_all(client, found.installations):
            yield offered(client, urls, settings, served, found.by_owner)


def offered(
    client: Client,
    urls: DatabaseUrls,
    settings: Settings,
    served: Sequence[Service],
    databases: Mapping[Owner, Database],
) -> Offered:
    """Return what a process with these open databases does for the services."""
    stored = accepted_on(databases["orders"]) if "orders" in databases else None
    built = {}
    for service in served:
        by_call = Accepted(AcceptedByCall(client, DOES[service]), AcceptedMemory())
        accepted = by_call if stored is None or urls.apart(service) else stored
        built[service] = _BUILD[service](databases[service], accepted, settings)
    events = OfParticipants(
        client,
        {owner: urls.of(owner) for owner in databases},
        {name: each.part for name, each in built.items()},
        databases,
        settings.apart,
    )
    activities = {
        name: [*methods(name, each.activities), events.deliveries.handle_event] for name, each in built.items()
    }
    return Offered(activities, events)


def _worker(client: Client, queue: str, activities: list[Callable[..., Any]], settings: Settings) -> Worker:
    return Worker(
        client,
        task_queue=queue,
        activities=activities,
        interceptors=[ActivityInterceptor()],
        max_concurrent_activities=settings.max_activities,
        graceful_shutdown_timeout=timedelta(seconds=settings.drain_seconds),
        deployment_config=deployment_config(settings.deployment, settings.build_id),
    )


def methods(service: Service, activities: object) -> list[Callable[..., Any]]:
    """Return the methods of a service's activities object, by the table that the routing follows, too."""
    return [getattr(activities, name) for name in ACTIVITIES[service]]


@dataclass(frozen=True)
class _Built:
    activities: object
    part: Part


# Each imports its own service only: a process has neither the code nor the credentials of another one.
def _inventory(db: Database, accepted: Accepted, _: Settings) -> _Built:
    from activities.inventory import InventoryActivities
    from choreography.inventory import participant

    part = participant(db, accepted)
    return _Built(InventoryActivities(part.outside), Part(part, accepted))


def _payments(db: Database, accepted: Accepted, settings: Settings) -> _Built:
    from activities.payments import PaymentActivities
    from choreography.payments import participant
    from providers.registry import chosen_card_provider
    from services.payments.transfers import Transfers

    part = participant(db, chosen_card_provider(db, settings.card_provider), accepted)
    return _Built(PaymentActivities(part.outside, Transfers(db, accepted)), Part(part, accepted))


def _shipping(db: Database, accepted: Accepted, settings: Settings) -> _Built:
    from activities.shipping import ShippingActivities
    from choreography.shipping import participant
    from providers.registry import chosen_carrier

    part = participant(db, chosen_carrier(db, settings.carrier), accepted)
    return _Built(ShippingActivities(part.outside), Part(part, accepted))


_BUILD: dict[Service, Callable[[Database, Accepted, Settings], _Built]] = {
    "inventory": _inventory,
    "payments": _payments,
    "shipping": _shipping,
}
