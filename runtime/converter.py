"""The data converter: JSON as by the SDK's pydantic converter, but with one cache of type adapters for the process.

The SDK makes a converter for each workflow run; with the SDK's class, pydantic would build every type adapter again for
every order.
"""

from functools import lru_cache
from typing import Any, Self, get_args

from pydantic import TypeAdapter, ValidationError
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.contrib.pydantic import PydanticJSONPlainPayloadConverter
from temporalio.converter import (
    CompositePayloadConverter,
    DataConverter,
    DefaultFailureConverter,
    DefaultPayloadConverter,
    SerializationContext,
)
from temporalio.converter import JSONPlainPayloadConverter as PlainJSON
from temporalio.converter import PayloadConverter as SdkPayloadConverter
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from models.activities.base import Request
from models.choreography import EventDelivery
from models.commands import CancelOrder, OutcomeWait, Resolve
from models.errors import InvalidInput
from models.external_events import ExternalEvent
from models.order import Order
from models.problems import first_problem
from models.recovery import Reconcile, RecoverOrder, RecoverProcess, SendAlert
from models.slips.slip import CancelSlip, Review, ReviseSlip, RoutingSlip

# The limit exceeds the number of types of all workflows and activities.
_adapter = lru_cache(maxsize=1024)(TypeAdapter[Any])
INPUTS = frozenset({Order, RoutingSlip, RecoverOrder, RecoverProcess, Reconcile, SendAlert})
COMMANDS = frozenset({CancelOrder, Resolve, ExternalEvent, ReviseSlip, Review, CancelSlip, OutcomeWait})
# Of an input, a command or a request, more than the largest valid one has: neither a workflow thread nor the loop of
# the activities has time for a hundred thousand mistakes.
BYTES_AT_MOST = 64 * 1024


class _JSON(PydanticJSONPlainPayloadConverter):
    def from_payload(self, payload: Payload, type_hint: type | None = None) -> Any:
        """Return the value as an instance of the type hint; raise pydantic's ValidationError when it doesn't fit."""
        if len(payload.data) > BYTES_AT_MOST and _is_limited(type_hint):
            raise _Unreadable(f"is over {BYTES_AT_MOST // 1024} KB", type=InvalidInput.__name__, non_retryable=True)
        try:
            return _adapter(Any if type_hint is None else type_hint).validate_json(payload.data)
        except ValidationError as error:
            if type_hint in INPUTS and _never_valid(error):
                raise _refusal(error) from None
            raise


def _is_limited(type_hint: Any) -> bool:
    """Return whether a type, or one of a union, is that of an input, a command or a request."""
    kinds = get_args(type_hint) or (type_hint,)
    sent = INPUTS | COMMANDS
    return any(kind in sent or (isinstance(kind, type) and issubclass(kind, Request | EventDelivery)) for kind in kinds)


class _Unreadable(ApplicationError):
    """The refusal of an input that doesn't fit its type: it ends a workflow, where the SDK retries any other error."""


def _never_valid(error: ValidationError) -> bool:
    """Return whether no version can read an input; a newer one may know further fields and values."""
    kinds = {found["type"] for found in error.errors(include_url=False, include_input=False, include_context=False)}
    return any(kind in {"missing", "json_invalid"} or kind.endswith("_type") for kind in kinds)


def _refusal(error: ValidationError) -> _Unreadable:
    field, problem = first_problem(error)
    text = f"{field}: {problem}" if field else problem
    return _Unreadable(text, type=InvalidInput.__name__, non_retryable=True)


# The SDK's converters for payloads that aren't JSON are stateless, so the process can share them.
_USUAL = DefaultPayloadConverter.default_encoding_payload_converters
_CONVERTERS = {each.encoding.encode(): _JSON() if isinstance(each, PlainJSON) else each for each in _USUAL}


class PayloadConverter(CompositePayloadConverter):
    """The payload converter, which the SDK instantiates for each workflow run, and for each of its activations."""

    def __init__(self) -> None:
        self.converters = _CONVERTERS

    def with_context(self, context: SerializationContext) -> Self:  # noqa: ARG002 - the SDK's name
        """Return this instance: no converter depends on the workflow or the activity."""
        return self


class FailureConverter(DefaultFailureConverter):
    """The failure converter: input that doesn't fit its type is refused at once, in one line that names the field.

    A benign failure has no stack trace.
    """

    def to_failure(self, exception: BaseException, payload_converter: SdkPayloadConverter, failure: Failure) -> None:
        """Write the failure; the SDK would let the decoding of invalid arguments be retried."""
        cause = exception.__cause__ if isinstance(exception, ApplicationError) else None
        if isinstance(cause, ValidationError | _Unreadable):
            exception = cause if isinstance(cause, _Unreadable) else _refusal(cause)
        super().to_failure(exception, payload_converter, failure)
        # An outcome that is no fault of the code, such as a compensated order, is explained by its words alone.
        if isinstance(exception, ApplicationError) and exception.category is ApplicationErrorCategory.BENIGN:
            failure.ClearField("stack_trace")


class _DataConverter(DataConverter):
    def with_context(self, context: SerializationContext) -> Self:
        """Return this instance, without the SDK's look at each part, which is repeated for each payload."""
        own = self.payload_codec is None and self.external_storage is None
        return self if own else super().with_context(context)


DATA_CONVERTER = _DataConverter(payload_converter_class=PayloadConverter, failure_converter_class=FailureConverter)
