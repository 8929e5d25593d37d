"""An undo that keeps failing is parked after a minute and a half: the waiting ends, and says why."""

from typing import Any

import pytest

from tests.cli.conftest import Environment, Starter, as_bytes, order_document, run_starter

pytestmark = pytest.mark.server

ORDER: dict[str, Any] = order_document("o-parked", payment={"method": "card", "token": "tok_refund_fails"})
ORDER["ship_to"]["postcode"] = "00000"


def test_waiting_ends_when_the_order_needs_a_person(starter: Starter, system: Environment) -> None:
    ran = run_starter(system, "place", "-", "--json", stdin=as_bytes(ORDER), seconds=170)

    assert ran.code == 3, ran.err
    assert ran.document["status"] == "needs_attention"
    assert ran.document["failed_step"] == "charge"
    parked = starter("list", "--status", "needs_attention", "--json").document["orders"]
    assert ("o-parked", 4970) in [(each["order_id"], each["at_risk"]) for each in parked]
    assert "waits for an operator" in starter("place", "-", stdin=as_bytes(ORDER)).out
