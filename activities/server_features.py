"""Which features the server lacks in a namespace, as the server itself reports them."""

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, ListWorkerDeploymentsRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from models.errors import NotSetUp
from models.server_features import ASYNC_UPDATES, DEPLOYMENTS, SCHEDULES, STANDALONE_ACTIVITIES, UPDATES, ServerFeature


async def missing_features(client: Client) -> frozenset[ServerFeature]:
    """Return the features that the client's namespace lacks; raise RPCError."""
    described = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    info = described.namespace_info
    available = {
        UPDATES: info.capabilities.sync_update,
        ASYNC_UPDATES: info.capabilities.async_update,
        SCHEDULES: info.supports_schedules,
        STANDALONE_ACTIVITIES: info.capabilities.standalone_activities,
    }
    return frozenset(feature for feature, there in available.items() if not there)


async def require_features(client: Client, *required: ServerFeature) -> frozenset[ServerFeature]:
    """Return the missing features; raise NotSetUp when a required one is among them, RPCError."""
    missing = await missing_features(client)
    for feature in required:
        if feature in missing:
            raise NotSetUp(feature.missing_in(client.namespace))
    return missing


async def require_deployments(client: Client) -> None:
    """Raise NotSetUp when the server gives a versioned worker no tasks, which its polls don't tell; raise RPCError."""
    try:
        await client.workflow_service.list_worker_deployments(
            ListWorkerDeploymentsRequest(namespace=client.namespace, page_size=1)
        )
    except RPCError as error:
        if error.status is RPCStatusCode.UNIMPLEMENTED or "disabled" in error.message:
            raise NotSetUp(DEPLOYMENTS.missing_in(client.namespace)) from None
        if error.status is not RPCStatusCode.PERMISSION_DENIED:  # a client that may not list them can't check it
            raise
