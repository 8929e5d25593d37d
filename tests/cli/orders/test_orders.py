"""Orders that are placed, inspected and cancelled from the command line, on a real system."""

import signal
import subprocess
import sys
import time
from typing import Any
from uuid import uuid4

import pytest

from tests.cli.conftest import PROJECT, Ran, Starter, as_bytes, order_document
from tests.cli.operate.parking import new_id, paying_with, shipped_to, until, until_status
from tests.systems import Environment

pytestmark = pytest.mark.server


def place(starter: Starter, order_id: str, *options: str, **changes: Any) -> Ran:
    return starter("place", "-", "--json", *options, stdin=as_bytes(order_document(order_id, **changes)))


def steps_of(ran: Ran) -> list[tuple[str, str, str]]:
    return [(step["step"], step["direction"], step["status"]) for step in ran.document["steps"]]


def test_an_order_completes_with_its_steps(starter: Starter) -> None:
    order_id = new_id()

    ran = place(starter, order_id)

    assert ran.code == 0, ran.err
    document = ran.document
    assert document["order_id"] == order_id
    assert document["workflow_id"] == f"order-{order_id}"
    assert document["status"] == "completed"
    assert document["total"]["currency"] == "EUR"
    assert document["tracking"]
    assert [step for step, *_ in steps_of(ran)] == [
        *("validate", "reserve", "charge", "ship", "settle_shipment", "settle_payment", "settle_stock", "complete"),
    ]


def test_without_json_the_steps_and_the_outcome_are_printed(starter: Starter) -> None:
    ran = starter("place", "-", stdin=as_bytes(order_document(new_id())))

    assert ran.code == 0, ran.err
    assert "completed" in ran.out
    assert ran.out.count("\n") == 1
    assert {"validate", "reserve", "charge", "ship", "complete"} <= set(ran.err.split())


def test_the_same_order_again_has_the_same_outcome_and_no_second_run(starter: Starter) -> None:
    order_id = new_id()

    first, second = place(starter, order_id), place(starter, order_id)

    assert (first.code, second.code) == (0, 0)
    assert second.document["placed_before"] is True
    assert second.document["tracking"] == first.document["tracking"]
    assert len(starter("history", order_id, "--json").document["activities"]) == 8


def test_the_same_id_with_another_body_is_a_conflict(starter: Starter) -> None:
    order_id = new_id()
    place(starter, order_id)

    ran = place(starter, order_id, customer_id="c-8")

    assert ran.code == 6
    assert ran.document["exit_code"] == 6
    assert order_id in ran.err


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lines": [{"sku": "SKU-404", "quantity": 1}]}, "lines[0].sku: "),
        ({"total": 1}, "total: "),
    ],
)
def test_an_order_that_is_rejected_is_never_started(starter: Starter, changes: dict[str, Any], message: str) -> None:
    order_id = new_id()

    ran = place(starter, order_id, **changes)

    assert ran.code == 2
    assert ran.err.startswith(f"error: {message}")
    assert ran.err.count("\n") == 1
    assert starter("status", order_id).code == 5


def test_a_declined_card_releases_the_stock(starter: Starter) -> None:
    ran = place(starter, new_id(), **paying_with("tok_declined"))

    assert ran.code == 3
    assert ran.document["status"] == "compensated"
    assert ran.document["failed_step"] == "charge"
    assert [step for step, direction, _ in steps_of(ran) if direction == "undo"][-1] == "reserve"


def test_a_refused_parcel_refunds_then_releases(starter: Starter) -> None:
    ran = place(starter, new_id(), **shipped_to("00000"))

    assert ran.code == 3
    undone = [step for step, direction, _ in steps_of(ran) if direction == "undo"]
    assert undone[-2:] == ["charge", "reserve"]


def test_with_no_wait_the_order_continues_after_the_command(starter: Starter) -> None:
    order_id = new_id()

    ran = place(starter, order_id, "--no-wait")

    assert ran.code == 0
    assert ran.document["run_id"]
    assert place(starter, order_id).document["status"] == "completed"


def test_history_shows_the_attempts_and_the_last_error(starter: Starter) -> None:
    order_id = new_id()
    assert place(starter, order_id, **paying_with("tok_flaky_1")).code == 0

    lines = {line["activity"]: line for line in starter("history", order_id, "--json").document["activities"]}

    assert [activity for activity in lines if activity not in {"settle_payment", "settle_stock"}] == [
        *("validate_order", "reserve_inventory", "charge_payment", "create_shipment"),
        *("settle_shipment", "complete_order"),
    ]
    assert {*list(lines)[-3:-1]} == {"settle_payment", "settle_stock"}  # side by side
    assert lines["validate_order"]["local"] is True
    assert lines["charge_payment"]["attempts"] == 2
    assert lines["charge_payment"]["status"] == "completed"
    assert lines["charge_payment"]["error"].startswith("Unavailable: ")
    assert lines["charge_payment"]["summary"].startswith("charge ")
    assert starter("history", order_id).out.count("\n") == 9


def test_history_shows_an_activity_that_is_being_retried(starter: Starter) -> None:
    order_id = new_id()
    place(starter, order_id, "--no-wait", **paying_with("tok_flaky_9"))

    deadline = time.monotonic() + 30
    while True:
        lines = starter("history", order_id, "--json").document["activities"]
        charge = next((line for line in lines if line["activity"] == "charge_payment"), None)
        if charge and charge["status"] == "retrying":
            break
        assert time.monotonic() < deadline, lines
    assert charge["error"].startswith("Unavailable: ")


def test_a_running_order_is_cancelled_once(starter: Starter) -> None:
    order_id = new_id()
    place(starter, order_id, "--no-wait", **paying_with("tok_flaky_9"))

    ran = starter("cancel", order_id, "--reason", "changed my mind", "--actor", "c-7", "--json")

    assert ran.code == 0, ran.err
    assert ran.document["order_id"] == order_id
    ended = place(starter, order_id, **paying_with("tok_flaky_9"))
    assert ended.code == 3
    assert ended.document["status"] == "cancelled"
    assert "changed my mind" in ended.document["reason"]
    late = starter("cancel", order_id, "--reason", "another reason")
    assert late.code == 6
    assert late.err.count("\n") == 1


def test_a_completed_order_is_not_cancelled(starter: Starter) -> None:
    order_id = new_id()
    place(starter, order_id)

    ran = starter("cancel", order_id, "--reason", "too late")

    assert ran.code == 6
    assert "completed" in ran.err


@pytest.mark.parametrize("command", [["status"], ["history"], ["cancel", "--reason", "x"]])
def test_an_unknown_order_is_exit_code_5(starter: Starter, command: list[str]) -> None:
    ran = starter(command[0], new_id(), *command[1:])

    assert ran.code == 5
    assert ran.err.count("\n") == 1


def test_list_finds_orders_by_status_page_by_page(starter: Starter) -> None:
    completed, compensated = new_id(), new_id()
    place(starter, completed)
    place(starter, new_id())
    place(starter, compensated, **paying_with("tok_declined"))

    assert completed in listed(starter, "completed")
    assert compensated in listed(starter, "compensated")
    assert compensated not in listed(starter, "completed")
    # Only those that have ended: one that ends between two pages is on both.
    page = starter("list", "--status", "completed", "--limit", "1", "--json").document
    following = starter("list", "--status", "completed", "--limit", "1", "--after", page["next"], "--json").document
    assert page["orders"][0]["order_id"] != following["orders"][0]["order_id"]


def listed(starter: Starter, status: str) -> set[str]:
    """Return the ids of the listed orders with a status."""
    ran = starter("list", "--status", status, "--limit", "1000", "--json")
    assert ran.code == 0, ran.err
    return {each["order_id"] for each in ran.document["orders"]}


def test_a_batch_ends_with_the_outcomes_of_its_mix(starter: Starter) -> None:
    name = f"b-{uuid4().hex[:8]}"

    ran = starter("batch", "10", "--mix", "ok=6,declined=2,no_stock=1,refused=1", "--name", name, "--json")

    assert ran.code == 0, ran.err
    document = ran.document
    assert document["outcomes"] == {"completed": 6, "compensated": 4}
    assert document["per_second"] > 0
    assert set(document["latency_seconds"]) == {"p50", "p90", "p99", "max"}
    again = starter("batch", "10", "--mix", "ok=6,declined=2,no_stock=1,refused=1", "--name", name, "--json")
    assert (again.code, again.document["placed_before"], again.document["orders"]) == (0, 10, 0)
    assert (again.document["outcomes"], again.document["latency_seconds"]["max"]) == ({}, 0)


@pytest.mark.parametrize("style", ["orchestrated", "choreographed"])
def test_a_resumed_batch_counts_its_own_orders(starter: Starter, style: str) -> None:
    name = f"b-{uuid4().hex[:8]}"
    assert starter("batch", "2", "--name", name, "--style", style).code == 0

    resumed, shown = (starter("batch", "5", "--name", name, "--style", style, *more) for more in (["--json"], []))

    assert (resumed.code, resumed.document["orders"], resumed.document["placed_before"]) == (0, 3, 2), resumed.err
    assert resumed.document["outcomes"] == {"completed": 3}
    assert "5 orders were placed before and are not counted" in shown.out


def test_setup_may_be_repeated(starter: Starter) -> None:
    assert starter("setup", "--catalogue", "--json").document == {
        "done": ["migrations", "installation", "search attributes", "reconciler", "catalogue"]
    }


def test_ctrl_c_prints_one_line_and_the_order_continues(starter: Starter, system: Environment) -> None:
    order_id = new_id()
    document = as_bytes(order_document(order_id, **paying_with("tok_flaky_2")))
    placing = subprocess.Popen(
        [sys.executable, "starter.py", "place", "-"],
        cwd=PROJECT, env=system, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert placing.stdin
    placing.stdin.write(document)
    placing.stdin.close()
    placing.stdin = None
    # An interrupt between the order's acceptance and its start would leave an order that only placing it again starts.
    until(lambda: (ran := starter("status", order_id, "--json")).code == 0 and ran.document["workflow"])
    placing.send_signal(signal.SIGINT)
    _, output = placing.communicate(timeout=20)
    err = output.decode()

    assert placing.returncode == 130
    assert err.splitlines()[-2:] == [
        f"order {order_id} goes on; `python starter.py watch {order_id}` follows it",
        "interrupted",
    ]
    assert "Traceback" not in err
    until_status(starter, order_id, "completed")


def test_a_closed_output_pipe_prints_no_error(system: Environment) -> None:
    listing = subprocess.Popen(
        [sys.executable, "starter.py", "list"], cwd=PROJECT, env=system, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert listing.stdout
    assert listing.stderr
    listing.stdout.close()

    with listing.stderr:
        assert listing.stderr.read() == b""
    assert listing.wait(30) == 141
