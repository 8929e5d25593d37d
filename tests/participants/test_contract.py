"""What docs/participants.md asks of a participant, of the Python service and of the program in TypeScript alike."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio.worker import Worker

from models.activities.payments import RefundPayment
from models.money import Money
from models.names import key, slip_process, workflow_id
from runtime.embedded.stack import Stack
from services.slips.slips import Slips
from tests.conservation import assert_conserved
from tests.participants.calling import CALLERS, Answer, Called, Caller, accepted, answers, known
from tests.participants.programs import PROGRAMS
from tests.slips.slips import slip
from tests.systems import System, open_system

pytestmark = pytest.mark.server
AMOUNT = {"amount": 4970, "currency": "EUR"}
CARD: dict[str, Any] = {"amount": AMOUNT, "token": "tok_ok"}
TRANSFER: dict[str, Any] = {"amount": AMOUNT, "reference": "ref_1"}
NOTHING: dict[str, Any] = {"refund_id": None, "amount": None, "attempt": 1}


@pytest.fixture(scope="module", params=PROGRAMS)
async def system(request: pytest.FixtureRequest, servers: Stack) -> AsyncIterator[System]:
    async with open_system(servers) as system, PROGRAMS[request.param](system):
        async with Worker(system.client, task_queue=CALLERS, workflows=[Caller]):
            yield system
        await assert_conserved(system.db)


def refused(error: str, *, attempt: int = 1) -> Answer:
    return Answer(error=error, benign=True, attempt=attempt)


def final(error: str) -> Answer:
    return Answer(error=error, attempt=1)


def reply(answer: Answer) -> dict[str, Any]:
    assert answer.error is None, answer
    assert answer.reply is not None
    return {"refund_id": None, "amount": None} | answer.reply if "charge_id" not in answer.reply else answer.reply


async def test_a_repeated_charge_has_the_same_answer_and_one_effect(system: System) -> None:
    paid = await accepted(system)

    replies = [reply(each) for each in await paid.at_once("charge_payment", 8, **CARD)]

    assert {each["charge_id"] for each in replies} == {replies[0]["charge_id"]}
    assert replies[0] == {"charge_id": replies[0]["charge_id"], "amount": AMOUNT, "attempt": 1}
    assert reply(await paid.call("find_charge", **CARD)) == replies[0]
    assert await paid.kinds() == "charge"


async def test_a_settled_charge_refuses_its_undo(system: System) -> None:
    paid = await accepted(system)
    charged = await paid.call("charge_payment", **CARD)

    settled = await paid.at_once("settle_payment", 4)

    assert [each.reply for each in settled] == [{"attempt": 1}] * 4
    assert await paid.call("refund_payment") == final("AlreadySettled")
    assert await paid.call("charge_payment", **CARD) == charged
    assert await paid.known() == [("charge", "settled", 4970)]
    assert await paid.kinds() == "charge settle"


async def test_a_refund_happens_once_and_refuses_charge_and_settlement(system: System) -> None:
    paid = await accepted(system)
    await paid.call("charge_payment", **CARD)

    refunds = [reply(each) for each in await paid.at_once("refund_payment", 8)]

    assert {each["refund_id"] for each in refunds} == {refunds[0]["refund_id"]}
    assert refunds[0]["amount"] == AMOUNT
    assert await paid.call("charge_payment", **CARD) == final("AlreadyUndone")
    assert await paid.call("settle_payment") == final("AlreadyUndone")
    assert await paid.known() == [("charge", "undone", 4970)]
    assert await paid.kinds() == "charge refund"


async def test_an_undo_before_its_do_leaves_a_tombstone(system: System) -> None:
    paid = await accepted(system)

    assert reply(await paid.call("refund_payment")) == NOTHING
    assert await paid.at_once("charge_payment", 3, **CARD) == [final("AlreadyUndone")] * 3
    assert await paid.call("find_charge", **CARD) == Answer()
    assert await paid.call("settle_payment") == final("AlreadyUndone")
    assert reply(await paid.call("refund_payment")) == NOTHING
    assert await paid.known() == [("charge", "tombstone", None)]


async def test_charges_and_refunds_side_by_side_leave_no_money(system: System) -> None:
    paid = await accepted(system)
    made = [Called(activity="charge_payment", arguments=[paid.request(**CARD)], attempts=4)]
    made += [Called(activity="refund_payment", arguments=[paid.request()], attempts=4)]

    found = await answers(system, workflow_id(paid.order_id), *made * 4)

    assert {each.error for each in found} <= {None, "AlreadyUndone"}
    assert await paid.kinds() in {None, "charge refund"}
    assert await paid.call("charge_payment", **CARD) == final("AlreadyUndone")


async def test_a_declined_card_stays_declined(system: System) -> None:
    paid = await accepted(system, token="tok_declined")

    assert await paid.at_once("charge_payment", 3, amount=AMOUNT, token="tok_declined") == [refused("CardDeclined")] * 3
    assert await paid.call("charge_payment", amount=AMOUNT, token="tok_declined") == refused("CardDeclined")
    assert await paid.call("settle_payment") == final("Final")
    assert reply(await paid.call("refund_payment")) == NOTHING
    assert await paid.known() == [("charge", "refused", None)]
    assert await paid.kinds() is None


async def test_what_was_never_done_is_not_settled_and_not_found(system: System) -> None:
    paid = await accepted(system)

    assert await paid.call("settle_payment") == final("NotFound")
    assert await paid.call("find_charge", **CARD) == Answer()
    assert await paid.known() == []


async def test_a_recovery_is_told_when_an_effect_was_recorded(system: System) -> None:
    paid = await accepted(system)
    await paid.call("charge_payment", **CARD)

    (receipt,) = await known(system, paid.order_id)

    assert (receipt.step, receipt.status, receipt.amount) == ("charge", "done", Money(amount=4970, currency="EUR"))
    assert receipt.at == await system.one("select created_at from payments.receipts where key = %s", paid.key)


async def test_the_recovery_of_a_slip_is_told_what_the_tables_have(system: System) -> None:
    """Also by a participant that takes no slips: a refusal would leave the slip to an operator."""
    slips = [slip("price", "charge", "charge-2"), slip("price", "charge")]
    slips.append(slips[0].model_copy(update={"slip_id": f"{slips[0].slip_id}0"}))
    for each in slips:
        await Slips(system.db).accept(each)
    first, unknown, longer = [slip_process(each.slip_id) for each in slips]
    for process, step in ((first, "charge-2"), (first, "charge"), (longer, "charge")):
        await system.services.payments.refund(RefundPayment(key=key(process, step), order_id=process))

    assert [(each.step, each.status) for each in await known(system, first)] == [
        ("charge-2", "tombstone"),
        ("charge", "tombstone"),
    ]
    assert await known(system, unknown) == ()


async def test_a_failure_of_the_provider_is_retried_and_the_attempt_is_told(system: System) -> None:
    paid = await accepted(system, token="tok_flaky_2")
    card = CARD | {"token": "tok_flaky_2"}

    assert await paid.call("charge_payment", **card) == Answer(error="Unavailable", retried=True, attempt=1)
    assert await paid.call("charge_payment", attempts=1, **card) == Answer(error="Unavailable", retried=True, attempt=1)
    assert reply(await paid.call("charge_payment", attempts=3, **card))["attempt"] == 1

    again = await accepted(system, token="tok_flaky_2")
    assert reply(await again.call("charge_payment", attempts=3, **card))["attempt"] == 3


async def test_a_transfer_is_expected_booked_and_settled(system: System) -> None:
    paid = await accepted(system, reference="ref_1")
    arrived = {**TRANSFER, "paid": AMOUNT, "event_id": "e-1"}

    assert await paid.call("find_charge", **TRANSFER) == Answer()
    expected = await paid.at_once("charge_payment", 4, **TRANSFER)
    assert [each.reply for each in expected] == [{**TRANSFER, "attempt": 1}] * 4
    assert await paid.call("find_charge", **TRANSFER) == expected[0]
    assert await paid.known() == []
    other = {**arrived, "paid": AMOUNT | {"amount": 1}}
    assert await paid.call("book_transfer", **other) == refused("TransferRefused")
    booked = await paid.at_once("book_transfer", 4, **arrived)
    assert [each.reply for each in booked] == [{"charge_id": "tr_e-1", "amount": AMOUNT, "attempt": 1}] * 4
    assert await paid.call("book_transfer", **{**arrived, "event_id": "e-2"}) == final("KeyReused")
    assert await paid.known() == [("charge", "done", 4970)]
    assert (await paid.call("settle_payment")).reply == {"attempt": 1}
    assert await paid.call("refund_payment") == final("AlreadySettled")
    assert await paid.kinds() == "charge settle"


async def test_a_booked_transfer_is_sent_back_once(system: System) -> None:
    paid = await accepted(system, reference="ref_1")
    await paid.call("charge_payment", **TRANSFER)
    await paid.call("book_transfer", **TRANSFER, paid=AMOUNT, event_id="e-1")

    refunds = await paid.at_once("refund_payment", 4)

    assert [each.reply for each in refunds] == [{"refund_id": "re_tr_e-1", "amount": AMOUNT, "attempt": 1}] * 4
    assert await paid.kinds() == "charge refund"
    assert await system.one("select status from payments.transfers where key = %s", paid.key) == "returned"


async def test_a_transfer_that_is_not_expected_any_more_is_not_booked(system: System) -> None:
    paid = await accepted(system, reference="ref_1")
    await paid.call("charge_payment", **TRANSFER)

    assert reply(await paid.call("refund_payment")) == NOTHING
    assert await paid.call("book_transfer", **TRANSFER, paid=AMOUNT, event_id="e-1") == final("AlreadyUndone")
    assert await paid.call("charge_payment", **TRANSFER) == final("AlreadyUndone")
    assert await paid.call("find_charge", **TRANSFER) == final("AlreadyUndone")
    assert await system.one("select status from payments.transfers where key = %s", paid.key) == "void"


@pytest.mark.parametrize(("first", "then"), [("python", "typescript"), ("typescript", "python")])
async def test_each_program_understands_the_receipts_of_the_other(servers: Stack, first: str, then: str) -> None:
    arrived = {**TRANSFER, "paid": AMOUNT, "event_id": "e-1"}
    async with open_system(servers) as system, Worker(system.client, task_queue=CALLERS, workflows=[Caller]):
        card, transfer = await accepted(system), await accepted(system, reference="ref_1")
        calls = (
            (card, "charge_payment", CARD),
            (transfer, "charge_payment", TRANSFER),
            (transfer, "book_transfer", arrived),
        )
        async with PROGRAMS[first](system):
            before = [await paid.call(activity, **fields) for paid, activity, fields in calls]
            told = [await known(system, paid.order_id) for paid in (card, transfer)]
        async with PROGRAMS[then](system):
            after = [await paid.call(activity, **fields) for paid, activity, fields in calls]
            assert [await known(system, paid.order_id) for paid in (card, transfer)] == told
            refunds = [reply(await paid.call("refund_payment"))["amount"] for paid in (card, transfer)]
        await assert_conserved(system.db)

    assert before == after
    assert [each.error for each in before] == [None] * 3
    assert refunds == [AMOUNT] * 2
