"""Updates as the Temporal CLI, the Web UI or any client may send them: refused with a message, without any effect."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.commands import CancelOrder, Resolve
from models.external_events import ExternalEvent
from models.slips.slip import CancelSlip, Review, ReviseSlip
from tests.cli.conftest import as_bytes
from tests.cli.operate.parking import new_id, until
from tests.faults.bad_input.corpus import updates
from tests.faults.bad_input.generated.documents import valid
from tests.faults.bad_input.generated.fuzzing import fuzzed
from tests.faults.bad_input.generated.mutations import damaged, mutated, written
from tests.faults.bad_input.sending import ENDED, Handle, marks, payload, send, state
from tests.faults.bad_input.target import Target, with_a_transfer

pytestmark = pytest.mark.server

SENT = updates()
KILO, MEGA = 1024, 1024 * 1024
ENCODINGS = ("json/plain", "binary/plain", "binary/null", "json/protobuf", "binary/protobuf", "binary/encrypted", "")
TOTAL = 4970


@pytest.mark.parametrize("name", SENT)
def test_a_bad_update_is_refused_with_its_message(target: Target, name: str) -> None:
    sent = SENT[name]
    handle = target.handle(sent["to"])
    before = state(target, handle)

    answer = send(target, handle, sent["update"], payload(sent["data"].encode(), sent["encoding"]))

    assert not answer.accepted
    assert sent["says"] in answer.message
    assert "input_value" not in answer.message
    assert state(target, handle) == before
    target.check_unchanged()


@pytest.mark.parametrize("order", ["waiting", "parked"])
def test_too_many_arguments_or_none_are_refused(target: Target, order: str) -> None:
    handle = target.handle(order)
    for update in ("cancel_order", "resolve", "deliver_event"):
        assert "missing 1 required positional argument" in send(target, handle, update).message
        assert (
            "takes 2 positional arguments but 3 were given"
            in send(target, handle, update, payload(b"{}"), payload(b"{}")).message
        )
    target.check_unchanged()


@pytest.mark.parametrize("size", [1 * MEGA, 2 * MEGA + 64 * KILO, 4 * MEGA - 64 * KILO])
def test_an_update_of_megabytes_is_refused_and_the_order_continues(target: Target, size: int) -> None:
    handle = target.handle("waiting")
    for update in ("cancel_order", "deliver_event"):
        large = as_bytes({"reason": "r" * (size - 20)})

        assert not send(target, handle, update, payload(large)).accepted
        assert state(target, handle)["status"] == "waiting"
    assert marks(target, handle) == []
    target.check_unchanged()


def refused_with(document: Any, **fields: Any) -> Any:
    """Return the command with fields that every order refuses."""
    return document | fields if isinstance(document, dict) else document


COMMANDS = {
    "cancel_order": valid(CancelOrder).map(lambda it: refused_with(it, plan="0000000000000000")),
    "resolve": valid(Resolve).map(lambda it: refused_with(it, step="charge")),
    "deliver_event": valid(ExternalEvent).map(
        lambda it: refused_with(it, type="payment_settled", payload={"amount": 1})
    ),
    "outcome": st.fixed_dictionaries({"seconds": st.sampled_from((0, -1, 10**9, "1", None))}),
}


@pytest.mark.parametrize("order", ["waiting", "parked"])
@pytest.mark.parametrize("update", COMMANDS)
@fuzzed(20, shrink=False)
@given(data=st.data())
def test_no_update_gets_an_order_stuck(target: Target, order: str, update: str, data: st.DataObject) -> None:
    sent, encoding = bytes_of(data, COMMANDS[update])

    answer = send(target, target.handle(order), update, payload(sent, encoding))

    assert "input_value" not in answer.message
    if answer.accepted:
        assert may_be_accepted(update, json.loads(sent)), sent
        renew(target, order)
    else:
        assert state(target, target.handle(order))["status"] in {"waiting", "needs_attention"}
    target.check_unchanged()


def bytes_of(data: st.DataObject, documents: st.SearchStrategy[Any]) -> tuple[bytes, str]:
    """Draw the bytes and encoding of an update: a valid, mutated or damaged document, mostly as JSON."""
    sent = data.draw(written(documents) | written(mutated(documents)) | damaged(written(documents)))
    return sent, data.draw(st.sampled_from((*ENCODINGS, *["json/plain"] * len(ENCODINGS))))


def may_be_accepted(update: str, document: dict[str, Any]) -> bool:
    """Return whether a mutated command is valid for the order."""
    if update == "cancel_order":
        return document.get("plan") is None and str(document["reason"]).isprintable()
    if update == "outcome":
        return False
    amount, currency = document["payload"].get("amount"), document["payload"].get("currency", "EUR")
    return update == "deliver_event" and amount in {None, TOTAL} and currency == "EUR"


def renew(target: Target, order: str) -> None:
    """Replace an order that accepted a mutated command, once the old order is at rest."""
    if order == "waiting":
        until(lambda: state(target, target.handle(order))["status"] in ENDED | {"waiting"})
        target.place("waiting", **with_a_transfer())
    target.changed_on_purpose()


SLIP_COMMANDS = {
    "cancel_slip": valid(CancelSlip).map(lambda it: refused_with(it, plan="0000000000000000")),
    "revise_slip": valid(ReviseSlip).map(lambda it: refused_with(it, version=99)),
    "review": valid(Review).map(lambda it: refused_with(it, stop="nowhere")),
    "resolve": valid(Resolve),
}


@pytest.fixture(scope="module")
def slip(target: Target) -> Handle:
    """Return a routing slip that waits for its review."""
    slip_id = new_id("bad-input")
    stops = [{"name": "hold", "activity": "review", "arguments": {"question": "shall it go on?"}}]
    ran = target.run("slip", "-", "--json", stdin=as_bytes({"slip_id": slip_id, "itinerary": stops}))
    assert ran.document["status"] == "waiting", ran.err
    target.changed_on_purpose()
    return target.handle(f"slip-{slip_id}")


@pytest.mark.parametrize("update", SLIP_COMMANDS)
@fuzzed(20, shrink=False)
@given(data=st.data())
def test_no_update_gets_a_slip_stuck(target: Target, slip: Handle, update: str, data: st.DataObject) -> None:
    sent, encoding = bytes_of(data, SLIP_COMMANDS[update])

    answer = send(target, slip, update, payload(sent, encoding))

    assert not answer.accepted, sent
    assert "input_value" not in answer.message
    assert state(target, slip)["status"] == "waiting"
    target.check_unchanged()
