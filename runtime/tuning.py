"""What a worker process does once, so that an order costs it less."""

import gc
from collections.abc import Awaitable, Callable
from functools import cache, wraps
from inspect import signature
from typing import Any

from temporalio.bridge import worker as bridge
from temporalio.converter import DataConverter
from temporalio.converter._extstore import StorageOperationMetrics

# New objects before Python looks for cycles among them. An order makes some thousand, nearly all without a cycle.
COLLECT_AFTER = 10_000
# The SDK's functions that visit payloads, and their parameters in the version that this file knows.
_VISITS = {
    "decode_activation": ("activation", "data_converter", "decode_headers", "storage_concurrency_limit"),
    "encode_completion": ("completion", "data_converter", "encode_headers", "storage_concurrency_limit"),
}

Visit = Callable[..., Awaitable[StorageOperationMetrics]]


@cache
def tune() -> None:
    """Tune this process, which has just started a worker; a repeated call does nothing."""
    for name, parameters in _VISITS.items():
        visit: Visit | None = getattr(bridge, name, None)
        # They are private to the SDK: another version may do more there, and keeps its own.
        if visit and tuple(signature(visit).parameters) == parameters:
            setattr(bridge, name, spared(visit))
    gc.collect()
    gc.freeze()  # what the imports have made stays, so no collection needs to look at it again
    gc.set_threshold(COLLECT_AFTER)


def spared(visit: Visit) -> Visit:
    """Return a visit of a workflow task's payloads that is left out when it would change none.

    The SDK walks three times through every activation of a workflow and every answer, for a payload codec and for an
    external storage, also when there is neither. That is a tenth of what an express order costs the worker.
    """

    @wraps(visit)
    async def visit_if_needed(message: Any, data_converter: DataConverter, **options: Any) -> StorageOperationMetrics:
        if data_converter.payload_codec is None and data_converter.external_storage is None:
            return StorageOperationMetrics()
        return await visit(message, data_converter, **options)

    return visit_if_needed
