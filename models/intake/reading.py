"""Parsing of raw bytes to an order or a slip, with errors of one line that name the field."""

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from models.errors import InvalidInput
from models.external_events import PAYLOADS
from models.intake.documents import read_object
from models.order import Order
from models.problems import first_problem, path_of
from models.slips.slip import RoutingSlip

Document = TypeVar("Document", bound=BaseModel)
METHODS = ("card", "bank_transfer")
# pydantic adds these levels to a field's path: the kind of payment, and the key of a dictionary.
NO_LEVELS = (*METHODS, "[key]")


def read_order(raw: bytes) -> Order:
    """Return the order in a JSON document; raise InvalidInput with the field and the problem."""
    return _read(raw, Order, "order")


def read_slip(raw: bytes) -> RoutingSlip:
    """Return the slip in a JSON document; raise InvalidInput with the field and the problem."""
    return _read(raw, RoutingSlip, "slip")


def _read(raw: bytes, model: type[Document], what: str) -> Document:
    read_object(raw, what)
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        raise _first_of(error, what) from None


def made(model: type[Document], fields: Mapping[str, object], named: Mapping[str, str]) -> Document:
    """Return a message made of CLI options; raise InvalidInput with the wrong option. `named`: field → option."""
    try:
        return model.model_validate(dict(fields))
    except ValidationError as error:
        problem = _first_of(error, "")
    raise InvalidInput(named.get(problem.field, problem.field), problem.problem)


def check_payload(event_type: str, payload: Mapping[str, object]) -> None:
    """Raise InvalidInput when the payload is not valid for this event type."""
    try:
        PAYLOADS[event_type].model_validate(dict(payload))
    except ValidationError as error:
        problem = _first_of(error, "")
        raise InvalidInput(f"payload.{problem.field}", problem.problem) from None


def _first_of(error: ValidationError, what: str) -> InvalidInput:
    """Return the first problem, with its field's path in the document."""
    found = error.errors(include_url=False, include_input=False)[0]
    if found["type"].startswith("union_tag"):
        return _of_no_kind(missing=found["type"] == "union_tag_not_found")
    if found["type"] == "json_invalid":
        return InvalidInput(what, "is not JSON")
    field = path_of(tuple(part for part in found["loc"] if part not in NO_LEVELS))
    _, message = first_problem(error)
    if not field and ": " in message:  # the message of a model validator begins with the field
        field, message = message.split(": ", 1)
    if message[1:2].islower():  # a sentence of pydantic; a SKU keeps its capitals
        message = message[:1].lower() + message[1:]
    return InvalidInput(field or what, message)


def _of_no_kind(*, missing: bool) -> InvalidInput:
    """Return the problem of a payment whose method is missing or unknown."""
    known = " or ".join(f"'{method}'" for method in METHODS)
    return InvalidInput("payment.method", "field required" if missing else f"input should be {known}")
