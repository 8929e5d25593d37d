"""Creation and check of the search attributes that find orders waiting for an operator."""

import asyncio
import logging

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from models.errors import Final, NotSetUp, Unavailable
from models.names import QUERY_OF_ALL_ATTRIBUTES, SEARCH_ATTRIBUTES

log = logging.getLogger("search_attributes")
ATTRIBUTES = {
    name: IndexedValueType.Value(f"INDEXED_VALUE_TYPE_{kind.upper()}") for name, kind in SEARCH_ATTRIBUTES.items()
}
# A server that caches its search attributes refreshes the cache after a minute.
NOT_ALLOWED = {RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED, RPCStatusCode.UNIMPLEMENTED}
# The server answers INVALID_ARGUMENT when all columns of a type are in use.
REFUSALS = NOT_ALLOWED | {
    RPCStatusCode.INVALID_ARGUMENT,
    RPCStatusCode.FAILED_PRECONDITION,
    RPCStatusCode.RESOURCE_EXHAUSTED,
}
SECONDS_TO_SPREAD = 90.0
SECONDS_BETWEEN_POLLS = 0.2


async def create_search_attributes(client: Client) -> tuple[str, ...]:
    """Create the missing search attributes, wait until queries may use them, and return their names.

    Raises NotSetUp when the server refuses to create one, Final when one exists with another type, Unavailable when the
    server doesn't know them in time.
    """
    missing = await _missing(client)
    if missing:
        await _add(client, missing)
    try:
        async with asyncio.timeout(SECONDS_TO_SPREAD):
            while not await _usable(client):  # noqa: ASYNC110 - the server sends no event for this
                await asyncio.sleep(SECONDS_BETWEEN_POLLS)
    except TimeoutError:
        raise Unavailable("the server does not know its new search attributes yet; try again") from None
    return missing


async def check_search_attributes(client: Client) -> None:
    """Check that the search attributes exist: a workflow that sets a missing one gets stuck.

    Raises NotSetUp when one is missing, Final when one has another type, RPCError.
    """
    if missing := await _missing(client):
        names = ", ".join(missing)
        raise NotSetUp(
            f"the namespace {client.namespace} lacks the search attributes {names}: run `python starter.py setup`"
        )


async def _missing(client: Client) -> tuple[str, ...]:
    """Return the missing attributes; where the client may not list them, as a query tells, which is all or none."""
    try:
        return await missing_search_attributes(client)
    except RPCError as error:
        if error.status not in NOT_ALLOWED:
            raise
    try:
        return () if await _usable(client) else tuple(ATTRIBUTES)
    except RPCError as error:
        if error.status not in NOT_ALLOWED:
            raise
        log.warning("the search attributes can't be checked: this client may neither list nor query them")
    return ()


async def missing_search_attributes(client: Client) -> tuple[str, ...]:
    """Return the names of the missing search attributes; raise Final when one exists with another type."""
    answer = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    for name, kind in ATTRIBUTES.items():
        if answer.custom_attributes.get(name, kind) != kind:
            raise Final(f"search attribute {name} exists with another type; remove it from the server first")
    return tuple(name for name in ATTRIBUTES if name not in answer.custom_attributes)


async def _add(client: Client, names: tuple[str, ...]) -> None:
    request = AddSearchAttributesRequest(
        namespace=client.namespace, search_attributes={name: ATTRIBUTES[name] for name in names}
    )
    try:
        await client.operator_service.add_search_attributes(request)
    except RPCError as error:
        # Another process may have created them at the same time.
        if error.status == RPCStatusCode.ALREADY_EXISTS:
            return
        if error.status not in REFUSALS:
            raise
        wanted = ", ".join(f"{name} ({SEARCH_ATTRIBUTES[name]})" for name in names)
        raise NotSetUp(
            f"the server refuses to create the search attributes {wanted} in the namespace {client.namespace}: "
            f"{' '.join(error.message.split())[:300]} Remove one that is not used, create them with the tools of the "
            "server's operator, or use another namespace; then run `python starter.py setup`"
        ) from None


async def _usable(client: Client) -> bool:
    """Return whether a query may name the attributes, which is later than when the server lists them."""
    try:
        await client.count_workflows(QUERY_OF_ALL_ATTRIBUTES)
    except RPCError as error:
        if error.status == RPCStatusCode.INVALID_ARGUMENT:
            return False
        # The time-skipping test server has no visibility store.
        if error.status != RPCStatusCode.UNIMPLEMENTED:
            raise
    return True
