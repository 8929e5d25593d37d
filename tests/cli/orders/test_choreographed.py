"""The commands `place --style choreographed` and `trace`."""

from typing import Any

import pytest

from tests.cli.conftest import Starter, as_bytes, order_document

pytestmark = pytest.mark.server
STYLE = ("--style", "choreographed")


def types_below(branches: list[dict[str, Any]]) -> list[str]:
    """Return the event types on the path through a tree that does not branch."""
    if not branches:
        return []
    (branch,) = branches
    return [branch["type"], *types_below(branch["caused"])]


def test_an_order_completes_and_its_trace_is_a_tree(starter: Starter) -> None:
    order = as_bytes(order_document("events-1"))
    placed = starter("place", "-", *STYLE, "--json", stdin=order)
    traced = starter("trace", "events-1", "--json")

    assert placed.code == 0, placed.err
    assert (placed.document["status"], placed.document["style"]) == ("completed", "choreographed")
    assert placed.document["tracking"].startswith("TRK-")
    expected = [
        *("OrderPlaced", "StockReserved", "PaymentCharged", "ShipmentCreated"),
        *("PaymentSettled", "StockSettled", "OrderCompleted"),
    ]
    assert types_below(traced.document["tree"]) == expected
    assert [event["type"] for event in placed.document["events"]] == expected
    assert "payload" not in traced.out
    assert "Customer" not in placed.out + traced.out


def test_an_order_that_is_undone_is_exit_code_3_with_the_reason(starter: Starter) -> None:
    order = as_bytes(order_document("events-2", payment={"method": "card", "token": "tok_declined"}))
    placed = starter("place", "-", *STYLE, stdin=order)
    traced = starter("trace", "events-2")

    assert placed.code == 3
    assert "compensated" in placed.out
    assert "CardDeclined" in placed.out
    for event in ("OrderPlaced", "StockReserved", "PaymentDeclined", "StockReleased", "OrderFailed"):
        assert event in traced.out


def test_an_order_placed_again_runs_once_and_another_body_or_style_is_a_conflict(starter: Starter) -> None:
    order = as_bytes(order_document("events-3"))
    assert starter("place", "-", *STYLE, "--no-wait", "--json", stdin=order).document["placed_before"] is False
    again = starter("place", "-", *STYLE, "--json", stdin=order)
    other = starter("place", "-", *STYLE, stdin=as_bytes(order_document("events-3", customer_id="c-8")))
    by_workflow = starter("place", "-", stdin=order)

    assert (again.code, again.document["placed_before"]) == (0, True)
    assert len(again.document["events"]) == 7
    assert other.code == 6
    assert by_workflow.code == 6
    assert "with the style choreographed" in by_workflow.err


def test_an_orchestrated_order_is_not_placed_as_choreographed_too(starter: Starter) -> None:
    order = as_bytes(order_document("events-4"))
    assert starter("place", "-", stdin=order).code == 0

    assert starter("place", "-", *STYLE, stdin=order).code == 6
    assert starter("trace", "events-4").code == 5


def test_a_batch_ends_with_the_outcomes_of_its_kinds(starter: Starter) -> None:
    ran = starter("batch", "6", *STYLE, "--mix", "ok=2,declined=1", "--name", "events-batch", "--json")

    assert ran.code == 0, ran.err
    assert ran.document["outcomes"] == {"completed": 4, "compensated": 2}
    assert starter("trace", "events-batch-1").code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("trace", "unknown"), 5, "no choreographed order unknown"),
        (("trace", "un known"), 2, "ID: must be"),
        (("place", "-", "--style", "danced"), 2, "danced"),
        (("place", "-", *STYLE), 2, "lines[0].sku"),
    ],
)
def test_bad_input_is_reported_in_one_line(starter: Starter, arguments: tuple[str, ...], code: int, words: str) -> None:
    order = order_document("events-5", lines=[{"sku": "SKU-NONE", "quantity": 1}])
    ran = starter(*arguments, stdin=as_bytes(order))

    assert (ran.code, ran.out) == (code, "")
    assert words in ran.err
    assert ran.err.count("\n") == 1
