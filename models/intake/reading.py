"""Parsing of raw bytes to an order or a slip, with one line for each mistake that names the field."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from models.errors import InvalidInput
from models.external_events import PAYLOADS
from models.intake.documents import read_object
from models.order import Order
from models.problems import problems
from models.slips.slip import RoutingSlip

Document = TypeVar("Document", bound=BaseModel)


def read_order(raw: bytes) -> Order:
    """Return the order in a JSON document; raise InvalidInput with the field and the problem of each mistake."""
    return _read(raw, Order, "order")


def read_slip(raw: bytes) -> RoutingSlip:
    """Return the slip in a JSON document; raise InvalidInput with the field and the problem of each mistake."""
    return _read(raw, RoutingSlip, "slip")


def _read(raw: bytes, model: type[Document], what: str) -> Document:
    read_object(raw, what)
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        raise InvalidInput.of([*_problems(error, model, what)], what) from None


def made(model: type[Document], fields: Mapping[str, object], named: Mapping[str, str]) -> Document:
    """Return a message made of CLI options; raise InvalidInput with the wrong options. `named`: field → option."""
    try:
        return model.model_validate(dict(fields))
    except ValidationError as error:
        found = [(named.get(field, field), problem) for field, problem in _problems(error, model, "")]
    raise InvalidInput.of(found, "")


def check_payload(event_type: str, payload: Mapping[str, object]) -> None:
    """Raise InvalidInput with each mistake when the payload is not valid for this event type."""
    model = PAYLOADS[event_type]
    try:
        model.model_validate(dict(payload))
    except ValidationError as error:
        found = [(f"payload.{field}", problem) for field, problem in _problems(error, model, "")]
        raise InvalidInput.of(found, "payload") from None


def _problems(error: ValidationError, model: type[BaseModel], what: str) -> Iterable[tuple[str, str]]:
    for path, sentence in problems(error, model):
        field, problem = path, sentence
        if not field and ": " in problem:  # the message of a model validator begins with the field
            field, problem = problem.split(": ", 1)
        yield field or what, problem
