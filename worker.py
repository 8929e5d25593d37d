"""The worker: builds the services, registers all workflows and activities, and runs until it is stopped."""

from runtime import startup

if __name__ == "__main__":
    startup.begin_worker()  # before the imports below, which take a second

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any

from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker, WorkerConfig
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from activities.alert_redriver import AlertRedriver
from activities.cancellation import request_cancellation
from activities.fraud import FraudActivities
from activities.installation_guard import guarded
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
from choreography.background import relaying
from choreography.deliveries import Deliveries
from choreography.reactions import Subscribers
from choreography.redrive import DeliveryRedriver
from client.outages import known_error
from messaging.dead_letters.redrive import Redriver, Redriving
from messaging.outbox.feed import CHANNEL as DELIVERIES
from models.errors import OrderError, Unavailable, WrongInstallation
from models.names import TASK_QUEUE
from models.server_features import ASYNC_UPDATES, SCHEDULES, STANDALONE_ACTIVITIES, UPDATES
from postgres.database import Database
from providers.registry import notifiers, providers
from runtime import logs, tuning
from runtime.connection import connect, database_of, is_embedded
from runtime.loop import loop_factory
from runtime.metrics import build_runtime, meter
from runtime.process import Arguments, Serve, complain, leave, read_arguments, until_signalled
from runtime.search_attributes import check_search_attributes
from runtime.settings import Settings, unknown_variables
from runtime.supervisor import Supervisor
from runtime.versioning import deployment_config
from services import schemas
from services.assembly import Services
from services.operators.unsent_alerts import CHANNEL as ALERTS
from workflows.order.workflow import OrderWorkflow
from workflows.recovery.alert import SendAlertWorkflow
from workflows.recovery.order import RecoverOrderWorkflow
from workflows.recovery.reconciler import ReconcilerWorkflow
from workflows.recovery.slip import RecoverSlipWorkflow
from workflows.routing_slip.workflow import RoutingSlipWorkflow

log = logging.getLogger("worker")
FAILED, USAGE, UNREACHABLE, CONFLICT = 1, 2, 4, 6
NEEDED_BY_WORKER = (SCHEDULES, UPDATES, ASYNC_UPDATES)
NEEDED_BY_RELAY = (SCHEDULES, STANDALONE_ACTIVITIES)


@asynccontextmanager
async def orders_worker(client: Client, database_url: str, settings: Settings) -> AsyncIterator[Worker]:
    """Run a worker with its relay in this process for the length of the block, then drain it.

    Raises Unavailable when the database or the server does not answer, Final when one of them is not set up, has other
    versions, or belongs to another installation; also when that becomes so during the block.
    """
    async with (
        _services(client, database_url, settings) as services,
        build(client, services, settings) as worker,
        relaying(client, services, database_url, meter(client)),
    ):
        tuning.tune()
        yield worker


@asynccontextmanager
async def orders_relay(client: Client, database_url: str, settings: Settings) -> AsyncIterator[None]:
    """Run a relay without a worker for the length of the block; raises as `orders_worker` does."""
    async with (
        _services(client, database_url, settings, relay_only=True) as services,
        relaying(client, services, database_url, meter(client)),
    ):
        yield


@asynccontextmanager
async def _services(
    client: Client, database_url: str, settings: Settings, *, relay_only: bool = False
) -> AsyncIterator[Services]:
    """Open the services, after a check that the database, the server and the namespace are ready for them."""
    async with await Database.open(database_url, size=settings.database_pool) as database:
        await asyncio.to_thread(schemas.check, database_url)
        missing = await require_features(client, *(NEEDED_BY_RELAY if relay_only else NEEDED_BY_WORKER))
        if STANDALONE_ACTIVITIES in missing:
            log.warning(STANDALONE_ACTIVITIES.missing_in(client.namespace))
        if settings.deployment and not relay_only:
            await require_deployments(client)
        await check_search_attributes(client)
        services = services_on(database, settings)
        async with guarded(client, services.installation):
            yield services


def services_on(database: Database, settings: Settings) -> Services:
    """Return the services with the providers of the settings; raise InvalidInput for an unknown provider."""
    chosen = providers(database, settings.card_provider, settings.carrier)
    return Services(database, chosen, notifiers(settings.alert_webhook))


def build(client: Client, services: Services, settings: Settings) -> Worker:
    """Return a worker with all workflows and activities, not started yet."""
    return Worker(**configuration(client, services, settings))


def configuration(client: Client, services: Services, settings: Settings) -> WorkerConfig:
    """Return the configuration of the worker."""
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
        activities=_activities(services),
        interceptors=[ActivityInterceptor(express=settings.worker_express)],
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


def _activities(services: Services) -> list[Callable[..., Any]]:
    return [*_of_participants(services), *_of_upkeep(services)]


def _of_participants(services: Services) -> list[Callable[..., Any]]:
    of_inventory = InventoryActivities(services.inventory)
    of_payments = PaymentActivities(services.payments, services.transfers)
    of_shipping = ShippingActivities(services.shipping)
    of_orders = OrderActivities(services.orders, services.order_closing, services.pricing)
    of_slips = SlipActivities(services.slips, services.slip_revisions, services.slip_closing)
    of_wrapping = WrappingActivities(services.wrapping)
    return [
        of_inventory.reserve_inventory,
        of_inventory.release_inventory,
        of_payments.charge_payment,
        of_payments.find_charge,
        of_payments.book_transfer,
        of_payments.refund_payment,
        of_shipping.create_shipment,
        of_shipping.find_shipment,
        of_shipping.find_parcel,
        of_shipping.cancel_shipment,
        of_orders.validate_order,
        of_orders.complete_order,
        of_orders.price_articles,
        of_slips.accept_slip,
        of_slips.record_revision,
        of_slips.close_slip,
        of_wrapping.wrap_gift,
        of_wrapping.unwrap_gift,
        FraudActivities(services.fraud).check_fraud,
        Deliveries(Subscribers(services), services.outbox_feed).handle_event,
    ]


def _of_upkeep(services: Services) -> list[Callable[..., Any]]:
    types = process_types(services)
    recovery = RecoveryActivities(types, services.dead_letters, services.unsent_alerts, services.installation)
    recovering = RecoveringActivities(order_type(services), slip_type(services), services.dead_letters)
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
        DELIVERIES: DeliveryRedriver(services),
    }
    return Redriving(services.db, by_channel)


async def run_worker(settings: Settings, stop: asyncio.Event, *, relay_only: bool = False) -> None:
    """Serve until `stop` is set, then drain; raise an OrderError when the worker can't start."""
    serve = orders_relay if relay_only else orders_worker
    async with _held_stack(settings):
        client = await connect(settings, runtime=build_runtime(settings))
        async with serve(client, database_of(settings), settings):
            started = "relay started" if relay_only else "worker started"
            log.info(started, extra={"task_queue": TASK_QUEUE, "namespace": client.namespace})
            await stop.wait()
            log.info("draining", extra={"seconds_at_most": settings.drain_seconds})
    log.info("worker stopped")


@asynccontextmanager
async def _held_stack(settings: Settings) -> AsyncIterator[None]:
    """Hold the embedded servers, if they are used.

    A worker raises Unreachable when they don't run and never starts them, so that a wrong setting doesn't.
    """
    if not is_embedded(settings):
        yield
        return
    from runtime.embedded.stack import embedded_stack

    database_of(settings)
    async with embedded_stack(settings, log.warning):
        yield


async def supervise(settings: Settings, number: int, stop: asyncio.Event, *, relay_only: bool = False) -> None:
    """Run `number` worker processes until `stop` is set; raise an OrderError when they can't start."""
    async with _held_stack(settings):
        # The preconditions of the processes, so that a refusal is one line.
        async with _services(await connect(settings), database_of(settings), settings, relay_only=relay_only):
            pass
        flags = ["--relay-only"] if relay_only else []
        supervisor = Supervisor([sys.executable, __file__, *flags], number, settings)
        log.info("supervisor started", extra={"processes": number})
        await supervisor.serve(stop)
    log.info("supervisor stopped")


def _serving(settings: Settings, arguments: Arguments) -> Serve:
    if arguments.processes > 1:
        return partial(supervise, settings, arguments.processes, relay_only=arguments.relay_only)
    return partial(run_worker, settings, relay_only=arguments.relay_only)


def main() -> int:
    """Run workers until SIGTERM or SIGINT.

    Returns the exit code: 0, 1 for an unexpected error, 2 for bad configuration or a missing set-up, 4 for an
    unreachable dependency, 6 for a database and a namespace of different installations.
    """
    try:
        arguments = read_arguments(sys.argv[1:])
        settings = Settings.read()
        logs.configure(settings.log_level, settings.log_format)
        if unknown := unknown_variables(os.environ):
            log.warning("variables that are no settings are ignored", extra={"variables": unknown})
        serve = _serving(settings, arguments)
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(until_signalled(serve, supervised=arguments.supervised))
    except Exception as error:
        if (known := known_error(error)) is None:
            log.exception("worker failed")
            return FAILED
        complain(str(known))
        return _exit_code(known)
    return 0


def _exit_code(error: OrderError) -> int:
    usual = UNREACHABLE if isinstance(error, Unavailable) else USAGE
    return CONFLICT if isinstance(error, WrongInstallation) else usual


if __name__ == "__main__":
    leave(main())
