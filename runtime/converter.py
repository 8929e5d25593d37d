"""The data converter: JSON as by the SDK's pydantic converter, but with one cache of type adapters for the process.

The SDK makes a converter for each workflow run; with the SDK's class, pydantic would build every type adapter again for
every order.
"""

from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter, ValidationError
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.contrib.pydantic import PydanticJSONPlainPayloadConverter
from temporalio.converter import (
    CompositePayloadConverter,
    DataConverter,
    DefaultFailureConverter,
    DefaultPayloadConverter,
)
from temporalio.converter import JSONPlainPayloadConverter as PlainJSON
from temporalio.converter import PayloadConverter as SdkPayloadConverter
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from models.errors import InvalidInput
from models.problems import first_problem

# The limit exceeds the number of types of all workflows and activities.
_adapter = lru_cache(maxsize=1024)(TypeAdapter[Any])


class _JSON(PydanticJSONPlainPayloadConverter):
    def from_payload(self, payload: Payload, type_hint: type | None = None) -> Any:
        """Return the value as an instance of the type hint; raise pydantic's ValidationError when it doesn't fit."""
        return _adapter(Any if type_hint is None else type_hint).validate_json(payload.data)


# The SDK's converters for payloads that aren't JSON are stateless, so the process can share them.
_USUAL = DefaultPayloadConverter.default_encoding_payload_converters
_CONVERTERS = tuple(_JSON() if isinstance(each, PlainJSON) else each for each in _USUAL)


class PayloadConverter(CompositePayloadConverter):
    """The payload converter, which the SDK instantiates for each workflow run and each activity."""

    def __init__(self) -> None:
        super().__init__(*_CONVERTERS)


class FailureConverter(DefaultFailureConverter):
    """The failure converter: input that doesn't fit its type is refused at once, in one line that names the field.

    A benign failure has no stack trace.
    """

    def to_failure(self, exception: BaseException, payload_converter: SdkPayloadConverter, failure: Failure) -> None:
        """Write the failure; the SDK would let the decoding of invalid arguments be retried."""
        if isinstance(exception, ApplicationError) and isinstance(exception.__cause__, ValidationError):
            field, problem = first_problem(exception.__cause__)
            text = f"{field}: {problem}" if field else problem
            exception = ApplicationError(text, type=InvalidInput.__name__, non_retryable=True)
        super().to_failure(exception, payload_converter, failure)
        # An outcome that is no fault of the code, such as a compensated order, is explained by its words alone.
        if isinstance(exception, ApplicationError) and exception.category is ApplicationErrorCategory.BENIGN:
            failure.ClearField("stack_trace")


DATA_CONVERTER = DataConverter(payload_converter_class=PayloadConverter, failure_converter_class=FailureConverter)
