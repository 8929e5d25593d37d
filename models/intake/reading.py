"""From raw bytes to an order, or to one line that names the field."""

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
# pydantic names the chosen kind of payment in a field's path, and a key itself; the document has no such levels.
NO_LEVELS = (*METHODS, "[key]")


def read_order(raw: bytes) -> Order:
    """Return the order that a JSON document describes; raise InvalidInput with the field and what is wrong with it."""
    return _read(raw, Order, "order")


def read_slip(raw: bytes) -> RoutingSlip:
    """Return the slip that a JSON document describes; raise InvalidInput with the field and what is wrong with it."""
    return _read(raw, RoutingSlip, "slip")


def _read(raw: bytes, model: type[Document], what: str) -> Document:
    read_object(raw, what)
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        raise _first_of(error, what) from None


def made(model: type[Document], fields: Mapping[str, object], named: Mapping[str, str]) -> Document:
    """Return a message made of what a person typed; raise InvalidInput with the option at fault, as `named` has it."""
    try:
        return model.model_validate(dict(fields))
    except ValidationError as error:
        problem = _first_of(error, "")
    raise InvalidInput(named.get(problem.field, problem.field), problem.problem)


def check_payload(event_type: str, payload: Mapping[str, object]) -> None:
    """Raise InvalidInput when no event of this type can carry this payload."""
    try:
        PAYLOADS[event_type].model_validate(dict(payload))
    except ValidationError as error:
        problem = _first_of(error, "")
        raise InvalidInput(f"payload.{problem.field}", problem.problem) from None


def _first_of(error: ValidationError, what: str) -> InvalidInput:
    """The first problem, in the words of the document."""
    found = error.errors(include_url=False, include_input=False)[0]
    if found["type"].startswith("union_tag"):
        return _of_no_kind(missing=found["type"] == "union_tag_not_found")
    if found["type"] == "json_invalid":
        return InvalidInput(what, "is not JSON")
    field = path_of(tuple(part for part in found["loc"] if part not in NO_LEVELS))
    _, message = first_problem(error)
    if not field and ": " in message:  # a rule about the whole order names its own field
        field, message = message.split(": ", 1)
    if message[1:2].islower():  # pydantic's own sentences; a SKU keeps its capitals
        message = message[:1].lower() + message[1:]
    return InvalidInput(field or what, message)


def _of_no_kind(*, missing: bool) -> InvalidInput:
    """A payment of no known kind, or of none."""
    known = " or ".join(f"'{method}'" for method in METHODS)
    return InvalidInput("payment.method", "field required" if missing else f"input should be {known}")
