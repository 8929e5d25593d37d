"""Routing slips from the command line, on the running system."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import PROJECT, Starter, as_bytes, check_errors, run_starter
from tests.systems import clean_environment

FOLDER = PROJECT / "itineraries"


def document(name: str, slip_id: str, **variables: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return found | {"slip_id": slip_id, "variables": found["variables"] | variables}


@pytest.mark.server
def test_a_shipped_file_runs_to_its_end(starter: Starter) -> None:
    ran = starter("slip", str(FOLDER / "digital-goods.json"), "--json")

    assert ran.code == 0, ran.err
    assert (ran.document["status"], ran.document["version"]) == ("completed", 1)
    assert [step["step"] for step in ran.document["steps"]][-1] == "complete"


@pytest.mark.server
def test_a_slip_placed_twice_runs_once_and_another_one_is_a_conflict(starter: Starter) -> None:
    first = starter("slip", "-", "--json", stdin=as_bytes(document("gift", "cli-gift")))
    again = starter("slip", "-", "--json", stdin=as_bytes(document("gift", "cli-gift")))
    other = starter("slip", "-", "--json", stdin=as_bytes(document("gift", "cli-gift", paper="snow")))

    assert (first.code, again.code, other.code) == (0, 0, 6)
    assert first.document["answers"] == again.document["answers"]
    assert again.document["placed_before"]
    assert "is the id of another slip" in other.err


@pytest.mark.server
def test_a_slip_that_fails_is_exit_code_3_with_the_reason(starter: Starter) -> None:
    ran = starter("slip", "-", stdin=as_bytes(document("gift", "cli-gold", paper="gold")))

    assert ran.code == 3
    assert "compensated · wrap: WrapRefused: there is no paper gold" in ran.out
    assert "undone: charge, reserve" in ran.out


@pytest.mark.server
def test_a_slip_waits_for_its_review(starter: Starter) -> None:
    waits = starter("slip", "-", "--json", stdin=as_bytes(document("fraud-check", "cli-fraud")))
    status = starter("status", "slip-cli-fraud", "--json")
    refused = starter("review", "cli-fraud", "charge", "--verdict", "approve", "--reason", "fine")
    taken = starter("review", "cli-fraud", "fraud-review", "--verdict", "approve", "--reason", "fine")
    ended = starter("slip", "-", "--json", stdin=as_bytes(document("fraud-check", "cli-fraud")))
    late = starter("review", "cli-fraud", "fraud-review", "--verdict", "reject", "--reason", "after all")

    assert (waits.code, waits.document["status"], waits.document["failed_step"]) == (0, "waiting", "fraud-review")
    assert waits.document["reason"]
    assert status.document["state"]["current_step"] == "fraud-review"
    assert (refused.code, taken.code) == (6, 0), taken.err
    assert (ended.code, ended.document["status"]) == (0, "completed")
    assert (late.code, late.err) == (6, "error: not taken: it has ended, completed\n")
    assert "charge_payment" in starter("history", "slip-cli-fraud").out


@pytest.mark.server
def test_with_no_wait_a_slip_is_placed_only(starter: Starter) -> None:
    ran = starter("slip", "-", "--no-wait", stdin=as_bytes(document("digital-goods", "cli-later")))

    assert ran.code == 0
    assert "slip cli-later placed · 3 stops" in ran.out


@pytest.mark.server
def test_a_slip_that_waits_can_be_cancelled(starter: Starter) -> None:
    starter("slip", "-", stdin=as_bytes(document("pre-order", "cli-cancel", released="2099-01-01T00:00:00Z")))

    cancelled = starter("cancel", "slip-cli-cancel", "--reason", "changed my mind")
    ended = starter(
        "slip", "-", "--json", stdin=as_bytes(document("pre-order", "cli-cancel", released="2099-01-01T00:00:00Z"))
    )

    assert cancelled.code == 0, cancelled.err
    assert (ended.code, ended.document["status"]) == (3, "cancelled")


@pytest.mark.server
def test_an_unknown_slip_is_exit_code_5(starter: Starter) -> None:
    assert starter("status", "slip-unknown").code == 5
    assert starter("review", "unknown", "a", "--verdict", "approve", "--reason", "x").code == 5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"itinerary": [{"name": "a", "activity": "rm"}]}, "error: itinerary[0].activity: rm is not one of"),
        ({"max_hops": 1}, "error: itinerary: has 3 stops, over its limit of 1"),
        ({"variables": {}}, "error: itinerary[0].arguments.lines: there is no variable articles"),
        ({"slip_id": "a b"}, "error: slip_id: "),
    ],
)
def test_a_bad_slip_is_refused_with_one_line_for_each_mistake(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    path = tmp_path / "slip.json"
    path.write_bytes(as_bytes(document("digital-goods", "cli-bad") | change))

    ran = run_starter(clean_environment(ORDERS_DATA_DIR=str(tmp_path / "data")), "slip", str(path))

    assert ran.code == 2
    assert ran.err.startswith(message)
    check_errors(ran.err)
