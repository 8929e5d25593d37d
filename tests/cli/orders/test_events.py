"""Orders paid by bank transfer from the command line, on a real system: placed, notified, found and rebuilt."""

import json
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.cli.conftest import Ran, Starter, as_bytes, order_document, run_starter
from tests.systems import Environment

pytestmark = pytest.mark.server


def new_id() -> str:
    return f"t-{uuid4().hex[:12]}"


def place(starter: Starter, order_id: str, **payment: Any) -> Ran:
    by_transfer = {"method": "bank_transfer", "reference": "ref_17", **payment}
    return starter("place", "-", "--json", stdin=as_bytes(order_document(order_id, payment=by_transfer)))


def send_event(
    starter: Starter, order_id: str, kind: str, *options: str, event_id: str = "e-1", stdin: bytes = b""
) -> Ran:
    return starter("event", order_id, "--type", kind, "--event-id", event_id, "--json", *options, stdin=stdin)


def until_status(starter: Starter, order_id: str, status: str) -> Any:
    deadline = time.monotonic() + 60
    while (standing := starter("status", order_id, "--json").document)["status"] != status:
        assert time.monotonic() < deadline, standing
    return standing


def test_an_order_waits_for_its_transfer_and_completes_after_the_event(starter: Starter, tmp_path: Path) -> None:
    order_id = new_id()
    payload = tmp_path / "payload.json"
    payload.write_text('{"amount": 4970, "currency": "EUR"}')

    placed = place(starter, order_id)
    accepted = send_event(starter, order_id, "payment_settled", "--payload", str(payload))
    ended = until_status(starter, order_id, "completed")
    again = send_event(starter, order_id, "payment_settled", "--payload", str(payload))

    assert (placed.code, placed.document["status"]) == (0, "waiting")
    assert placed.document["reason"] == "wait for payment_settled or payment_failed"
    assert accepted.code == 0, accepted.err
    assert accepted.document["effect"] == "settles"
    assert (again.code, again.document) == (0, accepted.document)
    lines = [(line["step"], line["direction"]) for line in ended["state"]["history"]]
    assert lines[2:6] == [("charge", "do"), ("charge", "wait"), ("charge", "event"), ("charge", "settle")]
    activities = starter("history", order_id, "--json").document["activities"]
    assert "book_transfer" in [each["activity"] for each in activities]


def test_a_failed_transfer_undoes_the_order(starter: Starter) -> None:
    order_id = new_id()
    place(starter, order_id)

    accepted = send_event(starter, order_id, "payment_failed", "--payload", "-", stdin=b'{"reason": "account closed"}')

    assert accepted.code == 0, accepted.err
    until_status(starter, order_id, "compensated")
    late = send_event(starter, order_id, "payment_settled", event_id="e-2")
    assert late.code == 6
    assert "came too late, the order has ended, compensated; nothing of this event is booked" in late.err
    assert "account closed" in starter("status", order_id, "--json").out


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--type", "lunch", "--event-id", "e-1"), "--type: must be payment_settled or payment_failed"),
        (("--type", "payment_settled", "--event-id", "e 1"), "--event-id: must be 1 to 64 letters"),
        (("--type", "payment_settled", "--event-id", "e-1", "--payload", "nowhere.json"), "nowhere.json: no such file"),
        (("--type", "payment_settled", "--event-id", "e-1", "--payload", "-"), "payload: must be a JSON object"),
        (("--type", "payment_settled"), "Missing option '--event-id'"),
    ],
)
def test_bad_input_is_reported_in_one_line_with_exit_code_2(
    nowhere: Environment, arguments: tuple[str, ...], line: str
) -> None:
    ran = run_starter(nowhere, "event", "o-1", *arguments, stdin=b"[]")

    assert ran.code == 2
    assert line in ran.err
    assert ran.err.count("\n") == 1


def test_a_payload_that_does_not_fit_is_a_conflict(starter: Starter) -> None:
    order_id = new_id()
    place(starter, order_id)

    ran = send_event(starter, order_id, "payment_settled", "--payload", "-", stdin=b'{"amount": 1}')

    assert ran.code == 6
    assert "payload.amount: 0.01 EUR is not the 49.70 EUR that was asked for" in ran.err
    send_event(starter, order_id, "payment_failed")
    until_status(starter, order_id, "compensated")


def test_an_unknown_process_is_not_found(starter: Starter) -> None:
    assert send_event(starter, "never-was", "payment_settled").code == 5


def test_an_event_to_an_unreachable_server_is_exit_code_4(nowhere: Environment) -> None:
    ran = run_starter(nowhere, "event", "o-1", "--type", "payment_settled", "--event-id", "e-1")

    assert ran.code == 4
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    ("payment", "line"),
    [
        ({"method": "cash"}, "payment.method: must be card or bank_transfer"),
        ({"reference": "ref_1"}, "payment.method: is missing"),
        ({"method": "bank_transfer"}, "payment.reference: is missing"),
        ({"method": "bank_transfer", "reference": "DE89 3704"}, "payment.reference: must be ref_"),
        ({"method": "card"}, "payment.token: is missing"),
    ],
)
def test_an_invalid_payment_is_reported_with_its_field(
    nowhere: Environment, payment: dict[str, str], line: str
) -> None:
    ran = run_starter(nowhere, "place", "-", stdin=as_bytes(order_document(payment=payment)))

    assert ran.code == 2
    assert line in ran.err
    assert "3704" not in ran.err


def test_orders_are_found_by_status_page_by_page_and_the_read_model_is_rebuilt(starter: Starter) -> None:
    order_ids = {new_id() for _ in range(3)}
    for order_id in order_ids:
        place(starter, order_id)
        send_event(starter, order_id, "payment_settled")
        until_status(starter, order_id, "completed")

    found: list[str] = []
    page = starter("find", "completed", "--limit", "2", "--json").document
    while True:
        found += [each["order_id"] for each in page["found"]]
        if not page["next"]:
            break
        page = starter("find", "completed", "--limit", "2", "--after", page["next"], "--json").document
    rebuilt = starter("rebuild", "--drop", "--json")

    assert order_ids <= set(found)
    assert len(found) == len(set(found))
    assert rebuilt.code == 0, rebuilt.err
    assert json.loads(rebuilt.out)["from_temporal"] >= 3
    assert starter("find", "waiting", "--after", "nonsense").code == 2
