"""The record of an installation in its namespace: the memo of a paused schedule, which outlives the retention."""

import asyncio
from typing import Protocol

from pydantic import ValidationError
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client, Schedule, ScheduleActionStartWorkflow, ScheduleSpec, ScheduleState
from temporalio.service import RPCError, RPCStatusCode

from models import installation
from models.errors import WrongInstallation
from models.installation import DatabaseSide, Marker, NamespaceSide
from models.names import INSTALLATION_SCHEDULE, RECONCILER_WORKFLOW, TASK_QUEUE
from models.participants import Owner
from models.recovery import Reconcile

MEMO = "installation"
NOTE = "Marks the database that this namespace belongs to (see its memo). Keep it, and keep it paused."


class InstallationRecord(Protocol):
    """The port to the database's record."""

    owner: Owner

    async def read(self) -> DatabaseSide:
        """Return the database with its record."""
        ...


async def check_installation(client: Client, record: InstallationRecord) -> None:
    """Check that the client's namespace and the database belong to each other.

    Raises NotSetUp, WrongInstallation, Unavailable or RPCError.
    """
    database, namespace = await asyncio.gather(record.read(), read_namespace(client, record.owner))
    try:
        installation.check(database, namespace)
    except WrongInstallation:
        # A set-up may have written both sides between the two reads. It writes the database first, so read that last.
        namespace = await read_namespace(client, record.owner)
        installation.check(await record.read(), namespace)


async def read_namespace(client: Client, owner: Owner = "orders") -> NamespaceSide:
    """Return the client's namespace with its record of the database of a service.

    Raises WrongInstallation for an unreadable record, RPCError.
    """
    described, marker = await asyncio.gather(
        client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace)),
        _marker(client, owner),
    )
    return NamespaceSide(
        name=client.namespace,
        namespace_id=described.namespace_info.id,
        server=client.service_client.config.target_host,
        marker=marker,
    )


async def _marker(client: Client, owner: Owner) -> Marker | None:
    try:
        described = await client.get_schedule_handle(_schedule(owner)).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
    try:
        return Marker.model_validate((await described.memo()).get(MEMO))
    except ValidationError:
        problem = f"the schedule {_schedule(owner)} of the namespace {client.namespace} has no readable memo"
        raise WrongInstallation(f"{problem}: delete it, and {installation.SETUP}") from None


async def create_marker(client: Client, marker: Marker, owner: Owner = "orders") -> None:
    """Create a record in the client's namespace; raise ScheduleAlreadyRunningError when it has one, RPCError."""
    # A schedule needs an action; a round of the reconciler does no harm if someone triggers it.
    action = ScheduleActionStartWorkflow(RECONCILER_WORKFLOW, Reconcile(), id=_schedule(owner), task_queue=TASK_QUEUE)
    schedule = Schedule(action=action, spec=ScheduleSpec(), state=ScheduleState(paused=True, note=NOTE))
    await client.create_schedule(_schedule(owner), schedule, memo={MEMO: marker.model_dump(mode="json")})


async def delete_marker(client: Client, owner: Owner = "orders") -> None:
    """Delete the record of the client's namespace, if it has one; raise RPCError."""
    try:
        await client.get_schedule_handle(_schedule(owner)).delete()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise


def _schedule(owner: Owner) -> str:
    return INSTALLATION_SCHEDULE if owner == "orders" else f"{INSTALLATION_SCHEDULE}-{owner}"
