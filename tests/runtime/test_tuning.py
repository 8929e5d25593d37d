"""The tuning of a worker process: the visits of payloads that it leaves out."""

from collections.abc import Sequence
from dataclasses import replace
from inspect import signature
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.bridge import worker as bridge
from temporalio.converter import PayloadCodec
from temporalio.converter._extstore import StorageOperationMetrics

from runtime import tuning
from runtime.converter import DATA_CONVERTER
from runtime.tuning import spared


class Codec(PayloadCodec):
    """A codec that changes nothing."""

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return list(payloads)

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return list(payloads)


@pytest.mark.parametrize(
    ("converter", "visits"), [(DATA_CONVERTER, 0), (replace(DATA_CONVERTER, payload_codec=Codec()), 1)]
)
async def test_payloads_are_visited_only_for_a_codec(converter: Any, visits: int) -> None:
    seen: list[Any] = []

    async def visit(*given: Any, **options: Any) -> StorageOperationMetrics:
        seen.append((given, options))
        return StorageOperationMetrics(payload_count=1)

    metrics = await spared(visit)("a message", converter, decode_headers=False)

    assert metrics.payload_count == visits
    assert seen == [(("a message", converter), {"decode_headers": False})] * visits


@pytest.mark.parametrize("name", tuning._VISITS)
def test_the_visits_are_those_of_the_locked_sdk(name: str) -> None:
    """When this fails after an upgrade of the SDK: read its function again, and correct the parameters here."""
    assert tuple(signature(getattr(bridge, name)).parameters) == tuning._VISITS[name]
