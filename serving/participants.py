"""The workers of the services apart: no workflows, and of each service only its own code, provider and schemas."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any

from temporalio.client import Client
from temporalio.worker import Worker

from activities.installation_guard import guarded
from activities.interceptor import ActivityInterceptor
from activities.server_features import require_deployments, require_features
from models.participants import ACTIVITIES, SERVICES, Service
from models.server_features import SCHEDULES
from postgres.database import Database
from runtime import tuning
from runtime.process import Arguments
from runtime.settings import Settings
from runtime.versioning import deployment_config
from services import schemas
from services.accepted import Accepted, accepted_on
from services.installation.installation import Installation
from serving import process
from serving.process import Program

# Read by every participant: what was accepted, and the installation that the database belongs to.
READ_BY_ALL = ("orders", "slips", "installation")


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
    client: Client, database_url: str, settings: Settings, *, served: Sequence[Service]
) -> AsyncIterator[list[Worker]]:
    """Run a worker for each of these services during the block, then drain them; raise as `worker.orders_worker`."""
    async with participants_ready(client, database_url, settings, served=served) as offered, AsyncExitStack() as stack:
        workers = [_worker(client, service, activities, settings) for service, activities in offered.items()]
        for worker in workers:
            await stack.enter_async_context(worker)
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
    client: Client, database_url: str, settings: Settings, *, served: Sequence[Service]
) -> AsyncIterator[dict[Service, list[Callable[..., Any]]]]:
    """Yield the activities of the services, after a check of what they need, and of nothing else."""
    async with await Database.open(database_url, size=settings.database_pool) as database:
        needed = {*READ_BY_ALL, *served, *_of_simulated_providers(served, settings)}
        await asyncio.to_thread(schemas.check, database_url, needed)
        await require_features(client, SCHEDULES)  # a schedule marks the installation
        if settings.deployment:
            await require_deployments(client)
        accepted = accepted_on(database)
        offered = {service: methods(service, _BUILD[service](database, accepted, settings)) for service in served}
        async with guarded(client, Installation(database)):
            yield offered


def _worker(client: Client, service: Service, activities: list[Callable[..., Any]], settings: Settings) -> Worker:
    return Worker(
        client,
        task_queue=service,
        activities=activities,
        interceptors=[ActivityInterceptor()],
        max_concurrent_activities=settings.max_activities,
        graceful_shutdown_timeout=timedelta(seconds=settings.drain_seconds),
        deployment_config=deployment_config(settings.deployment, settings.build_id),
    )


def methods(service: Service, activities: object) -> list[Callable[..., Any]]:
    """Return the methods of a service's activities object, by the table that the routing follows, too."""
    return [getattr(activities, name) for name in ACTIVITIES[service]]


def _of_simulated_providers(served: Sequence[Service], settings: Settings) -> list[str]:
    simulated = {
        "payments": "card_provider" if settings.card_provider == "simulated" else None,
        "shipping": "carrier" if settings.carrier == "simulated" else None,
    }
    return [schema for service in served if (schema := simulated.get(service))]


# Each imports its own service only: a process has neither the code nor the credentials of another one.
def _inventory(db: Database, accepted: Accepted, _: Settings) -> object:
    from activities.inventory import InventoryActivities
    from services.inventory.inventory import Inventory

    return InventoryActivities(Inventory(db, accepted))


def _payments(db: Database, accepted: Accepted, settings: Settings) -> object:
    from activities.payments import PaymentActivities
    from providers.registry import chosen_card_provider
    from services.payments.payments import Payments
    from services.payments.transfers import Transfers

    provider = chosen_card_provider(db, settings.card_provider)
    return PaymentActivities(Payments(db, provider, accepted), Transfers(db, accepted))


def _shipping(db: Database, accepted: Accepted, settings: Settings) -> object:
    from activities.shipping import ShippingActivities
    from providers.registry import chosen_carrier
    from services.shipping.shipping import Shipping

    return ShippingActivities(Shipping(db, chosen_carrier(db, settings.carrier), accepted))


_BUILD: dict[Service, Callable[[Database, Accepted, Settings], object]] = {
    "inventory": _inventory,
    "payments": _payments,
    "shipping": _shipping,
}
