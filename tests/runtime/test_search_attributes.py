"""The creation of the search attributes."""

import pytest
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, RemoveSearchAttributesRequest
from temporalio.client import Client

from models.errors import Final
from runtime.connection import connect
from runtime.embedded.stack import Stack
from runtime.search_attributes import create_search_attributes, missing_search_attributes
from runtime.settings import Settings

NAMES = ("OrderStatus", "AmountAtRisk")


async def removed(client: Client) -> None:
    there = set(NAMES) - set(await missing_search_attributes(client))
    await client.operator_service.remove_search_attributes(
        RemoveSearchAttributesRequest(namespace=client.namespace, search_attributes=there)
    )


async def test_missing_search_attributes_are_created_and_usable_at_once(
    running_settings: Settings, stack: Stack
) -> None:
    client = await connect(running_settings)
    await removed(client)

    assert set(await create_search_attributes(client)) == set(NAMES)

    assert (await client.count_workflows("OrderStatus = 'compensating' AND AmountAtRisk > 0")).count == 0
    assert await create_search_attributes(client) == ()


async def test_a_search_attribute_of_another_type_is_refused(running_settings: Settings, stack: Stack) -> None:
    client = await connect(running_settings)
    await removed(client)
    await client.operator_service.add_search_attributes(
        AddSearchAttributesRequest(
            namespace=client.namespace,
            search_attributes={"OrderStatus": IndexedValueType.INDEXED_VALUE_TYPE_INT},
        )
    )

    with pytest.raises(Final, match="OrderStatus exists with another type"):
        await create_search_attributes(client)

    await client.operator_service.remove_search_attributes(
        RemoveSearchAttributesRequest(namespace=client.namespace, search_attributes=["OrderStatus"])
    )
