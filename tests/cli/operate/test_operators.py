"""The operator's commands: cancel by the plan, list parked orders, resolve parked steps."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Ran, Starter, as_bytes, order_document
from tests.cli.operate.parking import (
    allow_completion,
    allow_refund,
    held_by_the_carrier,
    new_id,
    park,
    park_completion,
    paying_with,
    shipped_to,
    sql,
    until,
    until_status,
)
from tests.systems import Environment

pytestmark = pytest.mark.server

WHO = ("--actor", "ana", "--reason", "bank is back")


def one_line(ran: Ran, code: int) -> str:
    """Return the only line that a refused command prints."""
    assert (ran.code, ran.out, ran.err.count("\n")) == (code, "", 1), ran
    return ran.err


def planned(starter: Starter, order_id: str) -> list[str]:
    return [step["step"] for step in starter("plan", order_id, "--json").document["steps"]]


def decisions(starter: Starter, order_id: str) -> list[Any]:
    found: list[Any] = starter("history", order_id, "--json").document["decisions"]
    return found


def alerts(system: Environment, order_id: str) -> int:
    count: int = sql(system, "select count(*) from operators.alerts where order_id = %s", order_id)[0][0]
    return count


def test_the_plan_lists_the_steps_that_a_cancel_undoes_in_order(starter: Starter) -> None:
    order_id = new_id()
    held_by_the_carrier(starter, order_id)

    plan = starter("plan", order_id, "--json").document

    assert plan["order_id"] == order_id
    assert plan["cancellable"] is True
    assert [step["step"] for step in plan["steps"]] == ["ship", "charge", "reserve"]
    assert [step["at_risk"] for step in plan["steps"]] == [0, 4970, 0]
    assert plan["steps"][1]["key"] == f"{order_id}:charge"
    assert (plan["amount"], plan["currency"]) == (4970, "EUR")
    shown = starter("plan", order_id).out
    assert plan["hash"] in shown
    assert "49.70 EUR to refund" in shown
    assert "refund 49.70 EUR" in shown


def test_a_cancel_with_a_stale_plan_is_refused_and_with_the_current_plan_accepted(starter: Starter) -> None:
    order_id = new_id()
    document = order_document(order_id, **paying_with("tok_flaky_2"), **shipped_to("00009"))
    starter("place", "-", "--no-wait", stdin=as_bytes(document))
    until(lambda: planned(starter, order_id) == ["charge", "reserve"])
    old = starter("plan", order_id, "--json").document["hash"]
    until(lambda: planned(starter, order_id) == ["ship", "charge", "reserve"])
    current = starter("plan", order_id, "--json").document["hash"]

    stale = starter("cancel", order_id, "--reason", "late", "--plan", old)
    taken = starter("cancel", order_id, "--reason", "late", "--actor", "ana", "--plan", current)

    assert one_line(stale, 6) == "error: not cancelled: the undo plan has changed; read it again\n"
    assert taken.code == 0, taken.err
    assert until_status(starter, order_id, "cancelled")
    ran = starter("history", order_id, "--json")
    ((verb, actor, reason),) = [(each["verb"], each["actor"], each["reason"]) for each in ran.document["cancels"]]
    assert (verb, actor, reason) == ("cancel", "ana", "late")
    assert "ana" in starter("history", order_id).out


def test_the_plan_of_a_completed_order_says_that_a_cancel_is_not_possible(starter: Starter) -> None:
    order_id = new_id()
    starter("place", "-", stdin=as_bytes(order_document(order_id)))

    plan = starter("plan", order_id, "--json").document

    assert (plan["cancellable"], plan["steps"], plan["amount"]) == (False, [], 0)
    assert "can't be cancelled any more" in starter("plan", order_id).out


def test_retry_succeeds_once_the_cause_is_fixed_and_is_recorded_with_the_order(
    starter: Starter, system: Environment
) -> None:
    order_id = park(starter, system)
    allow_refund(system, order_id)

    ran = starter("resolve", order_id, "charge", "retry", *WHO, "--json")

    assert ran.code == 0, ran.err
    assert ran.document["order_id"] == order_id
    until_status(starter, order_id, "cancelled")
    (decision,) = decisions(starter, order_id)
    assert {name: decision[name] for name in ("step", "verb", "actor", "reason")} == {
        "step": "charge", "verb": "retry", "actor": "ana", "reason": "bank is back",
    }  # fmt: skip
    shown = starter("history", order_id).out
    assert "Decisions" in shown
    assert "bank is back" in shown
    again = starter("resolve", order_id, "charge", "retry", *WHO, "--json")
    assert (again.code, again.document) == (0, ran.document)
    other = starter("resolve", order_id, "charge", "retry", "--actor", "ben", "--reason", "me too")
    assert one_line(other, 6) == "error: not resolved: it has ended, cancelled\n"
    assert len(decisions(starter, order_id)) == 1


def test_the_same_decision_about_a_step_parked_again_is_a_new_decision(starter: Starter, system: Environment) -> None:
    order_id = park(starter, system)
    assert starter("resolve", order_id, "charge", "retry", *WHO).code == 0
    until(lambda: alerts(system, order_id) == 2)
    until_status(starter, order_id, "needs_attention")
    allow_refund(system, order_id)

    ran = starter("resolve", order_id, "charge", "retry", *WHO)

    assert ran.code == 0, ran.err
    until_status(starter, order_id, "cancelled")
    assert [each["verb"] for each in decisions(starter, order_id)] == ["retry", "retry"]


def test_skip_needs_evidence_and_settles_a_step_undone_by_hand(starter: Starter, system: Environment) -> None:
    order_id = park(starter, system)

    bare = starter("resolve", order_id, "charge", "skip", *WHO)
    ran = starter("resolve", order_id, "charge", "skip", *WHO, "--evidence", "transfer 4711")

    assert one_line(bare, 6) == "error: not resolved: skip needs evidence that the effect was settled by hand\n"
    assert ran.code == 0, ran.err
    until_status(starter, order_id, "cancelled")
    assert [each["evidence"] for each in decisions(starter, order_id)] == ["transfer 4711"]
    assert "transfer 4711" in starter("history", order_id).out


def test_waive_ends_the_order_as_failed(starter: Starter, system: Environment) -> None:
    order_id = park(starter, system)

    assert starter("resolve", order_id, "charge", "waive", *WHO).code == 0

    watched = starter("watch", order_id, "--json")
    assert watched.code == 3
    assert (watched.document["status"], watched.document["waived"]) == ("failed", ["charge"])


@pytest.mark.parametrize(
    ("step", "verb", "message"),
    [
        ("reserve", ["retry"], "reserve is not parked"),
        ("nonsense", ["retry"], "nonsense is not parked"),
        ("charge", ["unwind"], "unwind is not possible for charge; possible are retry, edit, skip, waive"),
        ("charge", ["edit"], "edit needs the request to send instead"),
    ],
)
def test_an_impossible_decision_is_refused_with_the_reason(
    step: str, verb: list[str], message: str, starter: Starter, parked: str
) -> None:
    assert one_line(starter("resolve", parked, step, *verb, *WHO), 6) == f"error: not resolved: {message}\n"
    assert starter("status", parked, "--json").document["status"] == "needs_attention"


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"key": "o-2:charge"}, "request: key and order_id can't be edited"),
        ({"amount": 1}, "request.amount: "),
    ],
)
def test_an_edit_with_an_invalid_request_is_refused_with_the_reason(
    request_: dict[str, Any], message: str, starter: Starter, parked: str, tmp_path: Path
) -> None:
    (tmp_path / "request.json").write_text(json.dumps(request_))

    ran = starter("resolve", parked, "charge", "edit", *WHO, "--request", str(tmp_path / "request.json"))

    assert one_line(ran, 6).startswith(f"error: not resolved: {message}")


def test_edit_sends_the_changed_request(starter: Starter, system: Environment) -> None:
    order_id = park_completion(starter, system)
    allow_completion(system, order_id)

    ran = starter("resolve", order_id, "complete", "edit", *WHO, "--request", "-", stdin=b'{"reason": "by hand"}')

    assert ran.code == 0, ran.err
    until_status(starter, order_id, "completed")
    assert sql(system, "select reason from orders.orders where order_id = %s", order_id) == [("by hand",)]
    assert [each["request"] for each in decisions(starter, order_id)] == [{"reason": "by hand"}]


def test_parked_orders_are_listed_by_the_amount_at_risk(starter: Starter, system: Environment) -> None:
    cheap = park(starter, system, lines=[{"sku": "SKU-1", "quantity": 1}])
    dear = park(starter, system, lines=[{"sku": "SKU-1", "quantity": 9}])

    listed = until(lambda: (rows := waiting(starter)) and {cheap, dear} <= {row["order_id"] for row in rows} and rows)

    amounts = [row["at_risk"] for row in listed]
    assert amounts == sorted(amounts, reverse=True)
    names = [row["order_id"] for row in listed]
    assert names.index(dear) < names.index(cheap)
    assert page_by_page(starter) == names
    table = starter("list", "--status", "needs_attention").out
    assert table.index(dear) < table.index(cheap)
    assert {row["currency"] for row in listed if row["at_risk"]} == {"EUR"}
    assert " EUR" in next(line for line in table.splitlines() if dear in line)


def waiting(starter: Starter) -> list[Any]:
    rows: list[Any] = starter("list", "--status", "needs_attention", "--limit", "1000", "--json").document["orders"]
    return rows


def page_by_page(starter: Starter) -> list[str]:
    """Return the ids of the parked orders, read one per page."""
    found: list[str] = []
    after: str | None = ""
    while True:
        page = starter("list", "--status", "needs_attention", "--limit", "1", "--after", after, "--json").document
        found += [row["order_id"] for row in page["orders"]]
        if (after := page["next"]) is None:
            return found


@pytest.mark.parametrize("command", [["plan"], ["watch"], ["resolve", "charge", "retry", *WHO]])
def test_an_unknown_order_is_exit_code_5(starter: Starter, command: list[str]) -> None:
    unknown = new_id()

    assert one_line(starter(command[0], unknown, *command[1:]), 5) == f"error: there is no order {unknown}\n"


def test_watch_follows_a_running_order_to_its_end(starter: Starter) -> None:
    order_id = new_id()
    starter("place", "-", "--no-wait", stdin=as_bytes(order_document(order_id, **paying_with("tok_flaky_1"))))

    ran = starter("watch", order_id, "--json")

    assert ran.code == 0, ran.err
    assert ran.document["status"] == "completed"
    assert [step["step"] for step in ran.document["steps"]][-1] == "complete"


def test_watch_ends_when_the_order_waits_for_an_operator(starter: Starter, parked: str) -> None:
    ran = starter("watch", parked, "--json")

    assert ran.code == 3
    assert (ran.document["status"], ran.document["failed_step"]) == ("needs_attention", "charge")
    assert "waits for an operator" in starter("watch", parked).out


@pytest.fixture(scope="module")
def parked(system: Environment, starter: Starter) -> str:
    """Return an order that stays parked: no test of this module resolves it."""
    return park(starter, system)
