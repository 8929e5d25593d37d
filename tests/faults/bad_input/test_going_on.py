"""An order still works after bad updates, and an order workflow that was started with nonsense does nothing."""

import asyncio
import json
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError

from tests.cli.conftest import as_bytes
from tests.cli.operate.parking import new_id, sql, until
from tests.faults.bad_input.corpus import updates
from tests.faults.bad_input.sending import ENDED, marks, payload, send, state
from tests.faults.bad_input.target import CANARY, Target, customer_order, with_a_transfer

pytestmark = pytest.mark.server

SENT = [sent for sent in updates().values() if sent["to"] == "waiting"]


def test_after_bad_updates_an_order_still_accepts_its_event(target: Target) -> None:
    order_id = target.place("tried", **with_a_transfer())
    handle = target.handle("tried")
    for sent in SENT:
        assert not send(target, handle, sent["update"], payload(sent["data"].encode(), sent["encoding"])).accepted
    for raw in (payload(b"null"), payload(b"{", "json/plain"), payload(b"", "binary/null"), payload(b"x", "")):
        target.runner.run(handle.signal("cancel_order", raw))
    assert marks(target, handle) == []

    ran = target.run("event", order_id, "--type", "payment_settled", "--event-id", "e-1")

    assert ran.code == 0, ran.err
    until(lambda: state(target, handle)["status"] == "completed")
    assert [mark.split()[0] for mark in marks(target, handle)] == ["EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED"]
    target.changed_on_purpose()


UNPRINTABLE = "a\0b\x1b[31m\nthe customer"


@pytest.mark.parametrize("how", ["cancelled natively", "failed by its bank"])
def test_an_unprintable_reason_does_not_prevent_the_close_of_an_order(target: Target, how: str) -> None:
    order_id = target.place("unprintable", **with_a_transfer())
    handle = target.handle("unprintable")
    if how == "cancelled natively":
        target.runner.run(handle.cancel(reason=UNPRINTABLE))
    else:
        failed = {"event_id": "e-1", "type": "payment_failed", "payload": {"reason": UNPRINTABLE}}
        assert not send(target, handle, "deliver_event", payload(as_bytes(failed))).accepted
        failed["payload"] = {"reason": "account closed"}
        assert send(target, handle, "deliver_event", payload(as_bytes(failed))).accepted

    until(lambda: state(target, handle)["status"] in ENDED)

    kept = sql(target.environment, "select status, reason from orders.orders where order_id = %s", order_id)
    ((status, reason),) = kept
    assert (status, reason.isprintable()) in {("cancelled", True), ("compensated", True)}
    # The read model is stored as jsonb, which can't hold a NUL either.
    assert target.run("rebuild").code == 0
    target.changed_on_purpose()


# What no version can read.
NEVER_VALID = {
    "null": (b"null", "json/plain"),
    "an array": (b"[]", "json/plain"),
    "an empty object": (b"{}", "json/plain"),
}
# What a newer version or another codec may read.
STARTS = {
    "bytes": (b"{}", "binary/plain"),
    "a bad order": (as_bytes(customer_order("raw-start", currency="USD")), "json/plain"),
    "encrypted": (b"\x00", "binary/encrypted"),
}


@pytest.mark.parametrize("given", NEVER_VALID)
def test_a_workflow_started_without_an_order_ends_at_once(target: Target, given: str) -> None:
    workflow_id, raw = f"order-{new_id('nonsense')}", payload(*NEVER_VALID[given])
    handle = target.runner.run(target.client.start_workflow("OrderWorkflow", raw, id=workflow_id, task_queue="orders"))

    with pytest.raises(WorkflowFailureError) as caught:
        target.runner.run(asyncio.wait_for(handle.result(), 30))

    assert isinstance(caught.value.cause, ApplicationError)
    assert caught.value.cause.type == "InvalidInput"
    snapshot = target.snapshot()
    assert {name for name in snapshot if snapshot[name] != target.known[name]} <= {"workflows"}
    target.changed_on_purpose()


@pytest.mark.parametrize("given", STARTS)
def test_a_workflow_started_with_nonsense_does_nothing_and_is_listed_as_stuck(target: Target, given: str) -> None:
    workflow_id = f"order-{new_id('nonsense')}"
    start = target.client.start_workflow("OrderWorkflow", payload(*STARTS[given]), id=workflow_id, task_queue="orders")
    handle = target.runner.run(start)

    def named() -> Any:
        found = target.run("stuck", "--older-than", "0s", "--json").document["stuck"]
        return [each for each in found if each["process_id"] == workflow_id and each["cause"] == "task_failing"]

    (stuck,) = until(named)

    assert CANARY not in json.dumps(stuck)
    target.runner.run(handle.terminate(reason="nonsense"))
    snapshot = target.snapshot()
    assert {name for name in snapshot if snapshot[name] != target.known[name]} <= {"workflows"}
    target.changed_on_purpose()
