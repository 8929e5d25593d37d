"""The search attributes by which orders that need somebody are found."""

import asyncio

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from models.errors import Final, Unavailable
from models.names import QUERY_OF_ALL_ATTRIBUTES, SEARCH_ATTRIBUTES

ATTRIBUTES = {
    name: IndexedValueType.Value(f"INDEXED_VALUE_TYPE_{kind.upper()}") for name, kind in SEARCH_ATTRIBUTES.items()
}
# A server that caches its attributes looks again after a minute.
SECONDS_TO_SPREAD = 90.0
SECONDS_BETWEEN_LOOKS = 0.2


async def create_search_attributes(client: Client) -> tuple[str, ...]:
    """Create what is missing on any server, wait until it is usable, and return the names that were missing.

    Raises Final when one exists with another type, Unavailable when the server does not know them in time.
    """
    missing = await missing_search_attributes(client)
    if missing:
        await _add(client, missing)
    try:
        async with asyncio.timeout(SECONDS_TO_SPREAD):
            while not await _usable(client):  # noqa: ASYNC110 - the server tells nobody when it knows them
                await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
    except TimeoutError:
        raise Unavailable("the server does not know its new search attributes yet; try again") from None
    return missing


async def missing_search_attributes(client: Client) -> tuple[str, ...]:
    """Return the names that the server lacks; raise Final when one has another type there."""
    answer = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    for name, kind in ATTRIBUTES.items():
        if answer.custom_attributes.get(name, kind) != kind:
            raise Final(f"search attribute {name} exists with another type; remove it there first")
    return tuple(name for name in ATTRIBUTES if name not in answer.custom_attributes)


async def _add(client: Client, names: tuple[str, ...]) -> None:
    request = AddSearchAttributesRequest(
        namespace=client.namespace, search_attributes={name: ATTRIBUTES[name] for name in names}
    )
    try:
        await client.operator_service.add_search_attributes(request)
    except RPCError as error:
        # Somebody else was quicker.
        if error.status != RPCStatusCode.ALREADY_EXISTS:
            raise


async def _usable(client: Client) -> bool:
    """Whether a query may name them, which is later than their being listed."""
    try:
        await client.count_workflows(QUERY_OF_ALL_ATTRIBUTES)
    except RPCError as error:
        if error.status == RPCStatusCode.INVALID_ARGUMENT:
            return False
        # The time-skipping test server has no visibility to ask.
        if error.status != RPCStatusCode.UNIMPLEMENTED:
            raise
    return True
