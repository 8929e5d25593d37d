"""The worker: builds the services, registers all workflows and activities, and runs until it is stopped."""

from runtime import startup

if __name__ == "__main__":
    import sys

    startup.begin_worker()  # before the imports below, which take a second
    from runtime.process import leave, without_workflows

    if without_workflows(sys.argv[1:]):  # a worker of services apart needs none of what follows
        from serving import participants

        leave(participants.main())

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any

from temporalio.client import Client
from temporalio.worker import Interceptor, UnsandboxedWorkflowRunner, Worker, WorkerConfig
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from activities.accepted import AcceptedActivities
from activities.alert_redriver import AlertRedriver
from activities.cancellation import request_cancellation
from activities.elsewhere import Elsewhere
from activities.fraud import FraudActivities
from activities.installation import check_installation
from activities.installation_guard import guarded_all, warn_without_reconciler
from activities.interceptor import ActivityInterceptor
from activities.inventory import InventoryActivities
from activities.lost_processes import CHANNEL as RECOVERY
from activities.lost_processes import Recovery, RecoveryRedriver
from activities.operators import OperatorActivities
from activities.orders import OrderActivities
from activities.payments import PaymentActivities
from activities.process_types import order_type, process_types, slip_type
from activities.recovering import RecoveringActivities
from activities.recovery import RecoveryActivities
from activities.server_features import require_deployments, require_features
from activities.shipping import ShippingActivities
from activities.slips import SlipActivities
from activities.wrapping import WrappingActivities
from choreography.assembly import Choreography, redriver
from choreography.background import choreographing
from messaging.dead_letters.redrive import Redriver, Redriving
from messaging.trace.undelivered import CHANNEL as DELIVERIES
from models.names import TASK_QUEUE
from models.participants import OWNERS, Service
from models.server_features import ASYNC_UPDATES, SCHEDULES, STANDALONE_ACTIVITIES, UPDATES
from postgres.database import Database
from providers.registry import notifiers, providers
from runtime import tuning
from runtime.databases import DatabaseUrls, urls_of
from runtime.metrics import meter
from runtime.process import Arguments, leave
from runtime.search_attributes import check_search_attributes
from runtime.settings import Settings
from runtime.versioning import deployment_config
from services.assembly import Services
from services.databases import Databases
from services.operators.unsent_alerts import CHANNEL as ALERTS
from serving import process
from serving.databases import opened
from serving.participants import drained_together, methods, participants_ready, participants_worker, served_in
from serving.process import Program
from workflows.apart import RoutingInterceptor
from workflows.order.workflow import OrderWorkflow
from workflows.recovery.alert import SendAlertWorkflow
from workflows.recovery.order import RecoverOrderWorkflow
from workflows.recovery.reconciler import ReconcilerWorkflow
from workflows.recovery.slip import RecoverSlipWorkflow
from workflows.routing_slip.workflow import RoutingSlipWorkflow

log = logging.getLogger("worker")
NEEDED_BY_WORKER = (SCHEDULES, UPDATES, ASYNC_UPDATES)
NEEDED_BY_RELAY = (SCHEDULES, STANDALONE_ACTIVITIES)


@asynccontextmanager
async def orders_worker(
    client: Client, urls: DatabaseUrls | str, settings: Settings, *, beside: Sequence[Service] = ()
) -> AsyncIterator[Worker]:
    """Run a worker with its relays in this process for the length of the block, then drain it.

    `urls` are those of the services' databases, or the one of all services. The services `beside` have workers of their
    own in this process.

    Raises Unavailable when the database or the server does not answer, Final when one of them is not set up, has other
    versions, or belongs to another installation; also when that becomes so during the block.
    """
    async with (
        _services(client, urls, settings) as services,
        build(client, services, settings) as worker,
        _choreographing(client, services, urls_of(urls), settings, beside),
    ):
        tuning.tune()
        yield worker


@asynccontextmanager
async def orders_relay(client: Client, urls: DatabaseUrls | str, settings: Settings) -> AsyncIterator[None]:
    """Run relays without a worker for the length of the block; raises as `orders_worker` does.

    The events of services apart are relayed by their own workers.
    """
    async with (
        _services(client, urls, settings, relay_only=True) as services,
        _choreographing(client, services, urls_of(urls), settings),
    ):
        yield


def _choreographing(
    client: Client, services: Services, urls: DatabaseUrls, settings: Settings, beside: Sequence[Service] | None = None
) -> AbstractAsyncContextManager[None]:
    """Run relays and other tasks; with `beside`, also answer for events, but not for those of these services."""
    choreography = Choreography(client, services, settings.apart)
    here = [owners for owners in urls.groups() if set(owners) - set(settings.apart)]
    tasks = choreography.tasks([(urls.of(owners[0]), owners) for owners in here], meter(client))
    return choreographing(tasks, () if beside is None else choreography.answering([ActivityInterceptor()], beside))


@asynccontextmanager
async def _services(
    client: Client, urls: DatabaseUrls | str, settings: Settings, *, relay_only: bool = False
) -> AsyncIterator[Services]:
    """Open the services, after a check that the databases, the server and the namespace are ready for them.

    The own database of a service apart is opened only if it is needed.
    """
    needed = [owner for owner in OWNERS if owner not in settings.apart]
    check = partial(check_installation, client)
    async with opened(urls_of(urls), settings, needed, check) as found:
        missing = await require_features(client, *(NEEDED_BY_RELAY if relay_only else NEEDED_BY_WORKER))
        if STANDALONE_ACTIVITIES in missing:
            log.warning(STANDALONE_ACTIVITIES.missing_in(client.namespace))
        if settings.deployment and not relay_only:
            await require_deployments(client)
        await check_search_attributes(client)
        services = services_on(found.databases, settings)
        async with guarded_all(client, found.installations):
            await warn_without_reconciler(client)
            yield services


def services_on(given: Databases | Database, settings: Settings) -> Services:
    """Return the services with the providers of the settings; raise InvalidInput for an unknown provider."""
    databases = Databases.of(given)
    chosen = providers(databases.payments, databases.shipping, settings.card_provider, settings.carrier)
    return Services(databases, chosen, notifiers(settings.alert_webhook))


def build(client: Client, services: Services, settings: Settings) -> Worker:
    """Return a worker with all workflows and activities, not started yet."""
    return Worker(**configuration(client, services, settings))


def configuration(client: Client, services: Services, settings: Settings) -> WorkerConfig:
    """Return the configuration of the worker: with all workflows, and the activities of what isn't apart."""
    interceptors: list[Interceptor] = [ActivityInterceptor(express=settings.worker_express)]
    if settings.apart:
        interceptors.append(RoutingInterceptor(settings.apart))
    return WorkerConfig(
        client=client,
        task_queue=TASK_QUEUE,
        workflows=[
            OrderWorkflow,
            RecoverOrderWorkflow,
            ReconcilerWorkflow,
            RoutingSlipWorkflow,
            RecoverSlipWorkflow,
            SendAlertWorkflow,
        ],
        activities=[
            *_activities(services, settings.apart),
            Choreography(client, services, settings.apart).deliveries.handle_event,
        ],
        interceptors=interceptors,
        workflow_runner=SandboxedWorkflowRunner() if settings.workflow_sandbox else UnsandboxedWorkflowRunner(),
        max_concurrent_activities=settings.max_activities,
        max_concurrent_local_activities=settings.max_activities,
        # The time that an order waits for its sticky worker before another worker takes over, for example after a kill.
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=2),
        graceful_shutdown_timeout=timedelta(seconds=settings.drain_seconds),
        # The refusal of an update repeats its payload: with the worker's own check, a payload of over 2 MB would fail
        # the workflow task again and again. Without the check, the server refuses the payload, and the order goes on.
        disable_payload_error_limit=True,
        deployment_config=deployment_config(settings.deployment, settings.build_id),
    )


def _activities(services: Services, apart: Sequence[Service] = ()) -> list[Callable[..., Any]]:
    here = [*_of_participants(services, apart), *_of_orders(services, apart), *_of_upkeep(services, apart)]
    return [*here, Elsewhere(apart).elsewhere] if apart else here


def _of_participants(services: Services, apart: Sequence[Service]) -> list[Callable[..., Any]]:
    together: dict[Service, Callable[[], object]] = {
        "inventory": lambda: InventoryActivities(services.inventory),
        "payments": lambda: PaymentActivities(services.payments, services.transfers),
        "shipping": lambda: ShippingActivities(services.shipping),
    }
    return [each for service, build in together.items() if service not in apart for each in methods(service, build())]


def _of_orders(services: Services, apart: Sequence[Service]) -> list[Callable[..., Any]]:
    of_orders = OrderActivities(services.orders, services.order_closing, services.pricing, apart)
    of_slips = SlipActivities(services.slips, services.slip_revisions, services.slip_closing, apart)
    of_wrapping = WrappingActivities(services.wrapping)
    return [
        of_orders.validate_order,
        of_orders.complete_order,
        of_orders.price_articles,
        of_slips.accept_slip,
        of_slips.record_revision,
        of_slips.close_slip,
        of_wrapping.wrap_gift,
        of_wrapping.unwrap_gift,
        of_wrapping.settle_wrapping,
        of_wrapping.find_wrapping_receipts,
        FraudActivities(services.fraud).check_fraud,
        AcceptedActivities(services.accepted).find_accepted,
    ]


def _of_upkeep(services: Services, apart: Sequence[Service]) -> list[Callable[..., Any]]:
    types = process_types(services)
    recovery = RecoveryActivities(types, services.dead_letters, services.unsent_alerts, services.installation)
    recovering = RecoveringActivities(order_type(services), slip_type(services), services.dead_letters, apart)
    operators = OperatorActivities(services.alerts, services.accepted)
    return [
        operators.alert_operators,
        operators.send_alert,
        request_cancellation,
        recovery.recover_page,
        recovery.give_up_alerts,
        recovering.read_lost_order,
        recovering.read_lost_slip,
        recovering.record_failed_recovery,
    ]


def redriving(client: Client, services: Services) -> Redriving:
    """Return the Redriving of dead letters, with the redriver of each channel."""
    by_channel: dict[str, Redriver] = {
        ALERTS: AlertRedriver(client),
        RECOVERY: RecoveryRedriver(client, Recovery(client, process_types(services))),
        DELIVERIES: redriver(client, services),
    }
    return Redriving(services.db, by_channel)


def program(arguments: Arguments) -> Program:
    """Return the program of a process that serves the task queue `orders`, or only relays."""
    if arguments.relay_only:
        ready = partial(_services, relay_only=True)
        return Program("relay", (TASK_QUEUE,), run=orders_relay, ready=ready, flags=("--relay-only",))
    served = served_in(arguments)
    run = partial(_with_participants, served=served) if served else orders_worker
    flags = ("--serve", ",".join(arguments.serve))
    return Program("worker", arguments.serve, run=run, ready=partial(_ready, served=served), flags=flags)


@asynccontextmanager
async def _with_participants(
    client: Client, urls: DatabaseUrls | str, settings: Settings, *, served: Sequence[Service]
) -> AsyncIterator[None]:
    async with (
        orders_worker(client, urls, settings, beside=served) as worker,
        participants_worker(client, urls, settings, served=served) as others,
        drained_together([worker, *others]),
    ):
        yield


@asynccontextmanager
async def _ready(
    client: Client, urls: DatabaseUrls | str, settings: Settings, *, served: Sequence[Service]
) -> AsyncIterator[None]:
    async with _services(client, urls, settings):
        pass
    if served:
        async with participants_ready(client, urls, settings, served=served):
            pass
    yield


def main() -> int:
    """Run workers until SIGTERM or SIGINT; return the exit code of `serving.process.main`."""
    return process.main(program)


if __name__ == "__main__":
    leave(main())
