"""Values as JSON on their way to and from Temporal, as the SDK's pydantic converter does it, with one difference.

Each workflow has a converter of its own, and with it a cache of its own: pydantic would build what reads an answer anew
for every order. Here the whole process shares one.
"""

from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter
from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import PydanticJSONPlainPayloadConverter
from temporalio.converter import CompositePayloadConverter, DataConverter, DefaultPayloadConverter
from temporalio.converter import JSONPlainPayloadConverter as PlainJSON

# More types than all workflows and activities name together.
_adapter = lru_cache(maxsize=1024)(TypeAdapter[Any])


class _JSON(PydanticJSONPlainPayloadConverter):
    def from_payload(self, payload: Payload, type_hint: type | None = None) -> Any:
        """Return the value as the hint has it; raise pydantic's ValidationError when it doesn't fit."""
        return _adapter(Any if type_hint is None else type_hint).validate_json(payload.data)


# The SDK's own for everything that isn't JSON; none of them remembers anything of what it converts.
_USUAL = DefaultPayloadConverter.default_encoding_payload_converters
_CONVERTERS = tuple(_JSON() if isinstance(each, PlainJSON) else each for each in _USUAL)


class PayloadConverter(CompositePayloadConverter):
    """What Temporal makes one of for each workflow, and for each activity."""

    def __init__(self) -> None:
        super().__init__(*_CONVERTERS)


DATA_CONVERTER = DataConverter(payload_converter_class=PayloadConverter)
