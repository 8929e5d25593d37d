"""Bank transfers: expected, booked once, returned, and never booked after their undo."""

import asyncio

import pytest

from models.activities.payments import BookTransfer, ExpectTransfer, PendingTransfer, Refunded
from models.errors import AlreadyUndone, KeyReused, TransferRefused
from models.money import Money
from models.names import key
from services.payments.transfers import Transfers
from tests.services import requests
from tests.services.shop import Shop

AMOUNT = Money(amount=2980, currency="EUR")
NOTHING = {"card_clearing": 0, "bank": 0, "held": 0, "revenue": 0}


@pytest.fixture
def transfers(shop: Shop) -> Transfers:
    return shop.transfers


def expect(reference: str = "ref_1") -> ExpectTransfer:
    return ExpectTransfer(key=key("o-1", "charge"), order_id="o-1", amount=AMOUNT, reference=reference)


def book(event_id: str = "e-1", paid: int = 2980) -> BookTransfer:
    money = Money(amount=paid, currency="EUR")
    return BookTransfer.model_validate(expect().model_dump() | {"paid": money, "event_id": event_id})


async def status(shop: Shop) -> str:
    ((found,),) = await shop.db.rows(b"select status from payments.transfers")
    return str(found)


async def test_an_expected_transfer_moves_no_money(shop: Shop, transfers: Transfers) -> None:
    assert await transfers.find(expect()) is None

    answers = await asyncio.gather(*(transfers.expect(expect()) for _ in range(10)))

    assert set(answers) == {PendingTransfer(amount=AMOUNT, reference="ref_1")}
    assert await transfers.find(expect()) == answers[0]
    assert await shop.ledger.balances() == NOTHING
    assert await status(shop) == "expected"


async def test_another_expected_transfer_with_the_same_key_is_refused(shop: Shop, transfers: Transfers) -> None:
    await transfers.expect(expect())

    with pytest.raises(KeyReused):
        await transfers.expect(expect("ref_2"))


async def test_a_received_transfer_is_held_once_and_becomes_revenue(shop: Shop, transfers: Transfers) -> None:
    await transfers.expect(expect())

    answers = await asyncio.gather(*(transfers.book(book()) for _ in range(10)))
    held = await shop.ledger.balances()
    await shop.payments.settle(requests.settle_payment())

    assert len(set(answers)) == 1
    assert held == NOTHING | {"bank": 2980, "held": 2980}
    assert await shop.ledger.balances() == NOTHING | {"bank": 2980, "revenue": 2980}
    assert await status(shop) == "settled"


async def test_a_transfer_received_before_it_is_expected_is_held_and_can_be_returned(
    shop: Shop, transfers: Transfers
) -> None:
    await transfers.book(book())
    assert await transfers.expect(expect()) == PendingTransfer(amount=AMOUNT, reference="ref_1")
    assert await status(shop) == "settled"

    await transfers.give_back(requests.refund())

    assert await shop.ledger.balances() == NOTHING
    assert await status(shop) == "returned"


async def test_a_second_event_books_nothing(shop: Shop, transfers: Transfers) -> None:
    await transfers.expect(expect())
    await transfers.book(book())

    with pytest.raises(KeyReused):
        await transfers.book(book("e-2"))


async def test_another_amount_is_refused_permanently_and_the_transfer_is_void_after_its_undo(
    shop: Shop, transfers: Transfers
) -> None:
    await transfers.expect(expect())
    for _ in range(2):
        with pytest.raises(TransferRefused, match=r"^29\.79 EUR arrived, not 29\.80 EUR$"):
            await transfers.book(book(paid=2979))

    assert await transfers.give_back(requests.refund()) == Refunded()
    assert await shop.ledger.balances() == NOTHING
    assert await status(shop) == "void"


async def test_the_undo_of_a_missing_transfer_moves_no_money_and_refuses_a_late_one(
    shop: Shop, transfers: Transfers
) -> None:
    await transfers.expect(expect())

    answers = [await transfers.give_back(requests.refund()) for _ in range(2)]

    assert answers == [Refunded()] * 2
    for late in (transfers.book(book()), transfers.expect(expect())):
        with pytest.raises(AlreadyUndone):
            await late
    assert await shop.ledger.balances() == NOTHING
    assert await status(shop) == "void"


async def test_repeated_returns_of_a_transfer_return_the_amount_once(shop: Shop, transfers: Transfers) -> None:
    await transfers.expect(expect())
    await transfers.book(book())

    answers = await asyncio.gather(*(transfers.give_back(requests.refund()) for _ in range(20)))

    assert set(answers) == {Refunded(refund_id="re_tr_e-1", amount=AMOUNT)}
    assert await shop.ledger.balances() == NOTHING
    assert await status(shop) == "returned"


async def test_a_concurrent_booking_and_undo_leave_nothing_held(shop: Shop, transfers: Transfers) -> None:
    await transfers.expect(expect())

    await asyncio.gather(
        *(transfers.book(book()) for _ in range(5)),
        *(transfers.give_back(requests.refund()) for _ in range(5)),
        return_exceptions=True,
    )

    assert await shop.ledger.balances() == NOTHING
    assert await status(shop) in {"void", "returned"}
