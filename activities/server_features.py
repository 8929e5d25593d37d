"""Which features the server lacks in a namespace, as the server itself reports them."""

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client

from models.errors import NotSetUp
from models.server_features import ASYNC_UPDATES, SCHEDULES, STANDALONE_ACTIVITIES, UPDATES, ServerFeature


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
