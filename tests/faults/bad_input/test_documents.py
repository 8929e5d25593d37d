"""Every document is accepted exactly within the documented limits, or refused in one line that names the field."""

import json
import re
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import MISTAKES_AT_MOST, InvalidInput
from models.external_events import FAILED, SETTLED, FailedPayload, SettledPayload
from models.intake.documents import BYTES_AT_MOST
from models.intake.reading import check_payload, read_order, read_slip
from models.order import Order
from models.problems import shown
from models.slips.slip import RoutingSlip
from tests.faults.bad_input.generated.documents import valid
from tests.faults.bad_input.generated.fuzzing import fuzzed, tried
from tests.faults.bad_input.generated.limits import is_order, may_hold_a_card_number
from tests.faults.bad_input.generated.mutations import damaged, mutated, written
from tests.faults.bad_input.generated.slips import slips
from workflows.routing_slip.itinerary import Itinerary

ORDERS = valid(Order).filter(is_order)
CANARY = "Zoë Canary"
LINE_AT_MOST = 400
# What only a programmer reads: regular expressions, and pydantic's own sentences.
OF_PYDANTIC = re.compile(
    r"[\^$\\{}]|pattern|input should|string should|extra inputs|valid (integer|string|tuple|dict)", re.IGNORECASE
)


def of_the_canary(order: dict[str, Any]) -> dict[str, Any]:
    return order | {"ship_to": order["ship_to"] | {"name": CANARY}}


def names(document: Any) -> set[str]:
    """Return the names of all fields in a document, each up to the first mark of a path."""
    if isinstance(document, list):
        return set().union(*map(names, document))
    if not isinstance(document, dict):
        return set()
    return {beginning(shown(name)) for name in document} | set().union(*map(names, document.values()))


def beginning(field: str) -> str:
    return field.partition(".")[0].partition("[")[0]


def check_message(problem: InvalidInput, what: str, document: Any) -> None:
    """Check the error line: it names the field, is printable and short, and has no personal data."""
    for line in (str(problem), *problem.others):
        assert line.isprintable(), line
        assert CANARY not in line
        assert len(line) <= LINE_AT_MOST, line
        assert not OF_PYDANTIC.search(line.partition(": ")[2]), line
    assert len(problem.others) <= MISTAKES_AT_MOST
    line = str(problem)
    assert beginning(problem.field) in {what, *Order.model_fields, *RoutingSlip.model_fields} | names(document), line


@fuzzed(250)
@given(written(mutated(ORDERS.map(of_the_canary))))
def test_a_mutated_order_is_accepted_exactly_within_the_limits(raw: bytes) -> None:
    document = parsed(raw)

    order = tried(lambda: read_order(raw))

    if isinstance(order, InvalidInput):
        check_message(order, "order", document)
        assert not is_order(document) or may_hold_a_card_number(document) or len(raw) > BYTES_AT_MOST, order
    else:
        assert is_order(document), document
        assert read_order(order.model_dump_json().encode()) == order


def parsed(raw: bytes) -> Any:
    """Return the document by Python's own parser, None when that parser fails, too."""
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


@fuzzed(80)
@given(written(ORDERS))
def test_a_valid_order_is_accepted_in_any_valid_encoding(raw: bytes) -> None:
    order = read_order(raw)

    assert order.model_dump(mode="json", exclude_unset=True) == json.loads(raw)


@fuzzed(50)
@given(ORDERS, st.randoms())
def test_the_order_of_fields_does_not_change_the_hash(document: dict[str, Any], chance: Random) -> None:
    names = list(document)
    chance.shuffle(names)
    other = {name: document[name] for name in names}

    assert read_order(json.dumps(other).encode()).body_hash() == read_order(json.dumps(document).encode()).body_hash()


@fuzzed(100)
@given(damaged(written(ORDERS.map(of_the_canary) | mutated(ORDERS))))
def test_damaged_bytes_are_a_valid_order_or_are_refused(raw: bytes) -> None:
    order = tried(lambda: read_order(raw))

    if isinstance(order, InvalidInput):
        check_message(order, "order", parsed(raw))
    else:
        assert is_order(parsed(raw))


@fuzzed(80)
@given(written(mutated(slips())) | damaged(written(slips())))
def test_a_mutated_slip_is_accepted_or_refused_in_one_line(raw: bytes) -> None:
    read = tried(lambda: Itinerary(read_slip(raw)))

    if isinstance(read, InvalidInput):
        assert len(str(read).splitlines()) == 1
        return
    slip = read.slip
    assert 1 <= len(slip.itinerary) <= slip.max_hops <= 50
    assert len({stop.name for stop in slip.itinerary}) == len(slip.itinerary)
    # The slip survives the way to the worker unchanged, and PostgreSQL can store it.
    assert RoutingSlip.model_validate_json(slip.model_dump_json()).body_hash() == slip.body_hash()
    assert "\\u0000" not in slip.model_dump_json()


@fuzzed(20)
@given(written(slips()))
def test_a_valid_slip_is_accepted(raw: bytes) -> None:
    assert Itinerary(read_slip(raw)).slip == read_slip(raw)


PAYLOADS = {SETTLED: valid(SettledPayload), FAILED: valid(FailedPayload)}


@pytest.mark.parametrize("event_type", PAYLOADS)
@fuzzed(60)
@given(data=st.data())
def test_a_payload_fits_its_event_or_its_field_is_named(event_type: str, data: st.DataObject) -> None:
    payload = data.draw(PAYLOADS[event_type] | mutated(PAYLOADS[event_type]).filter(lambda it: isinstance(it, dict)))

    problem = tried(lambda: check_payload(event_type, payload))

    if isinstance(problem, InvalidInput):
        assert problem.field.startswith("payload.")
        return
    amount = payload.get("amount")
    assert amount is None or (type(amount) is int and 0 <= amount <= 10**12)
    assert str(payload.get("reason", "")).isprintable()


@pytest.mark.parametrize("event_type", PAYLOADS)
@fuzzed(30)
@given(data=st.data())
def test_a_valid_payload_is_accepted(event_type: str, data: st.DataObject) -> None:
    check_payload(event_type, data.draw(PAYLOADS[event_type]))
