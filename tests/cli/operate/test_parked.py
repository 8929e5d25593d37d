"""Waiting for an order ends when the order waits for an operator, and says why."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.cli.conftest import Starter, as_bytes, order_document, run_starter
from tests.cli.operate.parking import forbid_refund, held_by_the_carrier, new_id, shipped_to
from tests.systems import Environment

pytestmark = pytest.mark.server


def test_waiting_ends_when_the_order_needs_an_operator(starter: Starter, system: Environment) -> None:
    order_id = new_id("parked")
    order = as_bytes(order_document(order_id, **shipped_to("00009")))
    held_by_the_carrier(starter, order_id)
    with ThreadPoolExecutor(1) as pool:
        placing = pool.submit(run_starter, system, "place", "-", "--json", stdin=order)
        forbid_refund(system, order_id)
        assert starter("cancel", order_id, "--reason", "changed my mind", "--actor", "c-7").code == 0
        ran = placing.result()

    assert ran.code == 3, ran.err
    assert ran.document["status"] == "needs_attention"
    assert ran.document["failed_step"] == "charge"
    parked = starter("list", "--status", "needs_attention", "--json").document["orders"]
    assert (order_id, 4970) in [(each["order_id"], each["at_risk"]) for each in parked]
    assert "waits for an operator" in starter("place", "-", stdin=order).out
