"""The services apart in one faulty process: a worker and a relay for each, which knows only its own database."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any, NoReturn

from temporalio import workflow
from temporalio.client import Client
from temporalio.client import Interceptor as ClientInterceptor
from temporalio.common import MetricMeter
from temporalio.worker import (
    Interceptor,
    StartActivityInput,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)

import worker
from activities.interceptor import ActivityInterceptor
from choreography.assembly import Choreography
from choreography.background import Task, choreographing
from models.names import TASK_QUEUE
from models.participants import OWNERS, SERVICES, Owner, Service
from postgres.on_demand import OnDemand
from runtime.databases import DatabaseUrls
from runtime.settings import Settings
from services.assembly import Services
from services.databases import Databases
from serving.participants import Offered, _worker, drained_together, offered
from tests.faults.injection.injecting import queue_in


class OwnQueues(ClientInterceptor, Interceptor):
    """Sends the activities of services apart to the task queues of the same dedicated worker process."""

    def __init__(self, queue: str) -> None:
        self._queue = queue

    def workflow_interceptor_class(
        self,
        input: WorkflowInterceptorClassInput,  # noqa: A002 - the SDK's signature
    ) -> type[WorkflowInboundInterceptor]:
        """Return the class of the interceptor of one workflow."""
        queue = self._queue

        class Inbound(WorkflowInboundInterceptor):
            def init(self, outbound: WorkflowOutboundInterceptor) -> None:
                super().init(_Outbound(outbound, queue))

        return Inbound


class _Outbound(WorkflowOutboundInterceptor):
    def __init__(self, inner: WorkflowOutboundInterceptor, queue: str) -> None:
        super().__init__(inner)
        self._queue = queue

    def start_activity(self, input: StartActivityInput) -> "workflow.ActivityHandle[Any]":  # noqa: A002 - the SDK's name
        if input.task_queue in SERVICES:
            input.task_queue = queue_in(self._queue, input.task_queue)
        return super().start_activity(input)


def of_the_orders(databases: Databases, settings: Settings) -> Services:
    """Return the services as a worker of the orders has them, which knows no other database."""
    others = {name: OnDemand(f"of {name}", partial(_unknown, name)) for name in SERVICES}
    return worker.services_on(Databases(orders=databases.orders, **others), settings)


async def _unknown(service: Service) -> NoReturn:
    raise LookupError(f"the database of {service} is unknown to the workers of the orders")


def _offered(
    client: Client, databases: Databases, urls: Mapping[Owner, str], settings: Settings
) -> dict[Service, Offered]:
    return {
        service: offered(client, _alone(service, urls), settings, [service], {service: databases.owned_by(service)})
        for service in SERVICES
    }


def _alone(service: Service, urls: Mapping[Owner, str]) -> DatabaseUrls:
    known = {owner: urls[owner] if owner == service else None for owner in OWNERS}
    return DatabaseUrls(**known, named=frozenset({service}))


@asynccontextmanager
async def working_apart(
    client: Client, databases: Databases, urls: Mapping[Owner, str], settings: Settings, queue: str
) -> AsyncIterator[None]:
    """Run four workers for the length of the block; those of the usual task queues also answer for their events."""
    services = of_the_orders(databases, settings)
    parts: dict[Service, Offered] = _offered(client, databases, urls, settings)
    workers = [worker.build(client, services, settings)]
    answering = Choreography(client, services, SERVICES).answering([ActivityInterceptor()])
    for service, part in parts.items():
        workers.append(_worker(client, queue_in(queue, service), part.activities[service], settings))
        answering += part.events.answering([ActivityInterceptor()])
    async with AsyncExitStack() as stack:
        for each in workers:
            await stack.enter_async_context(each)
        await stack.enter_async_context(choreographing((), answering if queue == TASK_QUEUE else ()))
        async with drained_together(workers):
            yield


def relays_apart(client: Client, databases: Databases, urls: Mapping[Owner, str], settings: Settings) -> list[Task]:
    """Return a relay for each service."""
    of_orders = Choreography(client, of_the_orders(databases, settings), SERVICES).relay(urls["orders"], ["orders"])
    parts = _offered(client, databases, urls, settings)
    # The relay comes first in the list of a service's tasks.
    return [of_orders.run, *(part.events.tasks(MetricMeter.noop)[0] for part in parts.values())]
