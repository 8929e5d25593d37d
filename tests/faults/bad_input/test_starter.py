"""Fuzzing of the starter: mutated documents and arbitrary words change nothing in a running system."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.order import Order
from tests.cli.conftest import Ran, as_bytes, check_errors
from tests.conservation import ALWAYS
from tests.faults.bad_input.generated.documents import valid
from tests.faults.bad_input.generated.fuzzing import fuzzed
from tests.faults.bad_input.generated.limits import is_order
from tests.faults.bad_input.generated.mutations import damaged, mutated, written
from tests.faults.bad_input.generated.nasty import NASTY_TEXTS
from tests.faults.bad_input.generated.slips import slips
from tests.faults.bad_input.target import CANARY, Target, customer_order

pytestmark = pytest.mark.server

ENDS = {0, 2, 3, 5, 6}
# An argument of a process can't hold a NUL, and bytes that are not UTF-8 arrive as lone surrogates.
WORDS = (st.sampled_from(NASTY_TEXTS) | st.text(max_size=30) | st.from_regex(r"[ -~]{0,20}", fullmatch=True)).map(
    lambda text: text.replace("\0", "").replace("{", "").replace("}", "")
)
# The catalogue has none of these articles, so even a valid order is refused.
STRANGERS = valid(Order).filter(is_order).map(lambda order: order | {"ship_to": order["ship_to"] | {"name": CANARY}})


def check(ran: Ran, *codes: int) -> None:
    """Check the exit code and the error lines: printable, without a stack trace or personal data."""
    assert ran.code in (codes or ENDS), ran.err
    assert "Traceback" not in ran.err
    assert CANARY not in ran.out + ran.err
    if ran.code not in {0, 3}:
        check_errors(ran.err)


def check_document(ran: Ran) -> None:
    """Check that --json always prints one JSON document."""
    document = json.loads(ran.out)
    if ran.code not in {0, 3}:
        assert document["exit_code"] == ran.code


@fuzzed(60, shrink=False)
@given(
    raw=written(mutated(STRANGERS)) | damaged(written(STRANGERS)),
    style=st.sampled_from(("orchestrated", "choreographed")),
)
def test_orders_with_unknown_articles_are_never_placed(target: Target, raw: bytes, style: str) -> None:
    ran = target.run("place", "-", "--json", "--style", style, stdin=raw)

    # Exit code 6: the test of valid orders has placed an order of this id.
    check(ran, 2, 6)
    check_document(ran)
    target.check_unchanged()


def with_a_strange_stop(slip: Any) -> Any:
    """Return the slip with an unknown activity at its end, so that it is never run."""
    if isinstance(slip, dict) and isinstance(slip.get("itinerary"), list):
        slip["itinerary"].append({"name": "last", "activity": "no_such_activity"})
    return slip


@fuzzed(40, shrink=False)
@given(raw=written(mutated(slips()).map(with_a_strange_stop)) | damaged(written(slips().map(with_a_strange_stop))))
def test_slips_with_an_unknown_activity_are_never_run(target: Target, raw: bytes) -> None:
    ran = target.run("slip", "-", "--json", stdin=raw)

    check(ran, 2)
    check_document(ran)
    target.check_unchanged()


@fuzzed(40, shrink=False)
@given(reason=WORDS, actor=WORDS | st.none(), plan=WORDS)
def test_a_cancel_with_a_wrong_plan_cancels_nothing(target: Target, reason: str, actor: str | None, plan: str) -> None:
    by = [] if actor is None else [f"--actor={actor}"]

    ran = target.run("cancel", "{waiting}", "--json", f"--reason={reason}", f"--plan={plan}", *by)

    check(ran, 2, 6)
    check_document(ran)
    target.check_unchanged()


PAYLOAD = st.fixed_dictionaries({"amount": st.integers(0, 4969)}, optional={"currency": st.just("EUR")})
REASON = st.fixed_dictionaries({"reason": WORDS, "amount": st.just(1)})


@fuzzed(50, shrink=False)
@given(raw=written(mutated(PAYLOAD | REASON)) | damaged(written(PAYLOAD)), event_id=WORDS | st.just("e-1"))
def test_an_order_that_waits_for_no_event_refuses_one(target: Target, raw: bytes, event_id: str) -> None:
    options = ("--type", "payment_settled", f"--event-id={event_id}", "--payload", "-")

    ran = target.run("event", "{parked}", "--json", *options, stdin=raw)

    check(ran, 2, 6)
    check_document(ran)
    target.check_unchanged()


@fuzzed(40, shrink=False)
@given(payload=PAYLOAD, kind=WORDS | st.sampled_from(("payment_settled", "payment_failed")), event_id=WORDS)
def test_a_waiting_order_refuses_an_event_with_a_wrong_amount(
    target: Target, payload: dict[str, Any], kind: str, event_id: str
) -> None:
    options = (f"--type={kind}", f"--event-id={event_id}", "--payload", "-")

    ran = target.run("event", "{waiting}", "--json", *options, stdin=as_bytes(payload))

    check(ran, 2, 6)
    check_document(ran)
    target.check_unchanged()


EDITED = st.fixed_dictionaries({"key": WORDS}, optional={"reason": WORDS, "outcome": WORDS, "charge_key": WORDS})
VERBS = st.sampled_from(("edit", "unwind", "skip")) | WORDS


@fuzzed(40, shrink=False)
@given(raw=written(EDITED), step=st.just("complete") | WORDS, verb=VERBS, reason=WORDS)
def test_a_request_with_a_key_is_never_sent(target: Target, raw: bytes, step: str, verb: str, reason: str) -> None:
    request = ("--request", "-") if verb == "edit" else ()
    options = ("--json", f"--reason={reason}", "--actor=ann", *request, "--", "{parked}", step, verb)

    ran = target.run("resolve", *options, stdin=raw)

    check(ran, 2, 6)
    check_document(ran)
    target.check_unchanged()


# Commands that change nothing with these options.
LOOKING: dict[str, Sequence[str]] = {
    **dict.fromkeys(("status", "history", "plan", "trace", "watch"), ()),
    "list": ("--status", "--limit", "--after"),
    "find": ("--limit", "--after"),
    "stuck": ("--older-than", "--limit"),
    "deadletters list": (),
    "deadletters show": (),
    "deadletters redrive": ("--fingerprint", "--limit", "--reason", "--actor"),
    "deadletters discard": ("--reason", "--actor"),
}
USUAL = (
    "running",
    "waiting",
    "needs_attention",
    "completed",
    "1",
    "1000",
    "1001",
    "5m",
    "3650d",
    "{waiting}",
    "{done}",
)


@pytest.mark.parametrize("command", LOOKING)
@fuzzed(15, shrink=False)
@given(data=st.data())
def test_arbitrary_words_change_nothing(target: Target, command: str, data: st.DataObject) -> None:
    words = WORDS | st.sampled_from(USUAL)
    options = [f"{option}={data.draw(words)}" for option in LOOKING[command] if data.draw(st.booleans())]
    arguments = data.draw(st.lists(words, max_size=2))

    ran = target.run(*command.split(), "--json", *options, *arguments)

    check(ran)
    if "--help" not in arguments:
        check_document(ran)
    target.check_unchanged()


@fuzzed(8, shrink=False)
@given(document=valid(Order).filter(is_order), quantity=st.integers(1, 2), article=st.integers(1, 20))
def test_a_valid_order_is_placed_and_ends(target: Target, document: Any, quantity: int, article: int) -> None:
    lines = [{"sku": f"SKU-{article}", "quantity": quantity}]
    own = customer_order(document["order_id"])["order_id"]

    ran = target.run("place", "-", "--json", stdin=as_bytes(document | {"lines": lines, "total": None}))

    # Exit code 6: the fuzzer has generated an id twice.
    check(ran, 0, 3, 6)
    if ran.code != 6:
        assert ran.document["order_id"] == own
        assert ran.document["status"] in {"completed", "compensated", "waiting"}
    target.changed_on_purpose()
    for meaning, query in ALWAYS.items():
        assert target.connection.execute(query).fetchall() == [], meaning
