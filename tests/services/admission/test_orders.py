"""A request moves money and goods only as an order was accepted, from any sender."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from models.accepted import AcceptedProcess
from models.activities.orders import CompleteOrder
from models.activities.payments import BookTransfer, ExpectTransfer
from models.errors import AlreadyUndone, Conflict, Final, NotAccepted, NotFound, TransferRefused
from models.money import Money
from models.order import BankTransfer, Order
from postgres.database import Database
from services.accepted import AcceptedMemory
from services.assembly import Services
from tests.services import requests
from tests.services.admission.conftest import traces
from tests.services.shop import Shop

TOTAL = 2980
Ask = Callable[[Services], Awaitable[object]]


def transfer_order(order_id: str = "o-1") -> Order:
    payment = BankTransfer(method="bank_transfer", reference="ref_1")
    return requests.order(order_id).model_copy(update={"payment": payment})


def expect(amount: int = TOTAL, reference: str = "ref_1") -> ExpectTransfer:
    money = Money(amount=amount, currency="EUR")
    return ExpectTransfer(key="o-1:charge", order_id="o-1", amount=money, reference=reference)


def book(amount: int = TOTAL, reference: str = "ref_1", paid: int | None = None) -> BookTransfer:
    money = Money(amount=amount if paid is None else paid, currency="EUR")
    return BookTransfer.model_validate(expect(amount, reference).model_dump() | {"paid": money, "event_id": "e-1"})


DOS: dict[str, Ask] = {
    "reserve": lambda services: services.inventory.reserve(requests.reserve()),
    "charge": lambda services: services.payments.charge(requests.charge()),
    "find a charge": lambda services: services.payments.find(requests.charge()),
    "expect": lambda services: services.transfers.expect(expect()),
    "book": lambda services: services.transfers.book(book()),
    "ship": lambda services: services.shipping.create(requests.create()),
    "find a shipment": lambda services: services.shipping.find(requests.create()),
}
UNDOS: dict[str, Ask] = {
    "release": lambda services: services.inventory.release(requests.release()),
    "refund": lambda services: services.payments.refund(requests.refund()),
    "give back": lambda services: services.transfers.give_back(requests.refund()),
    "recall": lambda services: services.shipping.cancel(requests.cancel()),
}
OTHER: dict[str, tuple[Ask, str]] = {
    "articles": (lambda services: services.inventory.reserve(requests.reserve(SKU_1=3)), "lines"),
    "amount": (lambda services: services.payments.charge(requests.charge(amount=1)), "amount"),
    "currency": (
        lambda services: services.payments.charge(
            requests.charge().model_copy(update={"amount": Money(amount=TOTAL, currency="USD")})
        ),
        "amount",
    ),
    "card": (lambda services: services.payments.charge(requests.charge(token="tok_other")), "token"),
    "found amount": (lambda services: services.payments.find(requests.charge(amount=1)), "amount"),
    "transfer": (lambda services: services.transfers.expect(expect()), "token"),
    "booking": (lambda services: services.transfers.book(book()), "token"),
    "address": (lambda services: services.shipping.create(requests.create(postcode="69009")), "ship_to"),
    "parcel": (
        lambda services: services.shipping.create(
            requests.create().model_copy(update={"lines": requests.lines(SKU_1=9)})
        ),
        "lines",
    ),
}


@pytest.mark.parametrize("ask", [*DOS, *UNDOS])
async def test_an_order_to_come_is_neither_served_nor_spoilt(services: Services, ask: str) -> None:
    nothing = await traces(services)

    with pytest.raises(NotAccepted, match="o-1:"):
        await (DOS | UNDOS)[ask](services)

    assert await traces(services) == nothing
    await services.orders.accept(requests.order())
    await all_steps(services)
    assert (await services.order_closing.close(requests.complete())).outcome == "completed"


async def all_steps(services: Services) -> None:
    await services.inventory.reserve(requests.reserve())
    await services.payments.charge(requests.charge())
    await services.shipping.create(requests.create())


@pytest.mark.parametrize("ask", OTHER)
@pytest.mark.parametrize("remembered", [True, False])
async def test_anything_else_than_accepted_is_refused_without_a_receipt(
    services: Services, ask: str, remembered: bool
) -> None:
    await services.orders.accept(requests.order())
    asked = services if remembered else Services(services.db, services.providers)
    nothing = await traces(services)
    call, field = OTHER[ask]

    with pytest.raises(NotAccepted, match=field):
        await call(asked)

    assert await traces(services) == nothing
    await all_steps(services)


@pytest.mark.parametrize(
    "ask",
    [
        lambda services: services.transfers.expect(expect(1)),
        lambda services: services.transfers.book(book(1)),
        lambda services: services.transfers.expect(expect(reference="ref_2")),
        lambda services: services.transfers.book(book(reference="ref_2")),
        lambda services: services.payments.charge(requests.charge()),
    ],
)
async def test_a_transfer_is_expected_and_booked_as_accepted(services: Services, ask: Ask) -> None:
    await services.orders.accept(transfer_order())
    nothing = await traces(services)

    with pytest.raises(NotAccepted):
        await ask(services)

    assert await traces(services) == nothing
    await services.transfers.expect(expect())
    assert (await services.transfers.book(book())).amount.amount == TOTAL


async def test_another_paid_amount_does_not_spoil_the_booking(services: Services) -> None:
    await services.orders.accept(transfer_order())

    with pytest.raises(TransferRefused):
        await services.transfers.book(book(paid=1))

    assert (await services.transfers.book(book())).amount.amount == TOTAL


async def test_an_undone_order_has_no_later_effect(services: Services) -> None:
    """Also of a step that never began, and in a process that remembers the order as open."""
    await services.orders.accept(requests.order())
    await services.inventory.reserve(requests.reserve())
    await services.inventory.release(requests.release())
    await services.order_closing.close(requests.complete(outcome="compensated"))
    before = (await traces(services))[1]

    for late in (DOS["charge"], DOS["ship"]):
        with pytest.raises(NotAccepted, match="has ended without this step"):
            await late(services)
    with pytest.raises(AlreadyUndone):
        await DOS["reserve"](services)

    assert (await traces(services))[1] == before


async def test_a_completed_order_repeats_its_answers_without_a_call(services: Services) -> None:
    await services.orders.accept(requests.order())
    await all_steps(services)
    await services.order_closing.close(requests.complete())
    before = await traces(services)

    await all_steps(Services(services.db, services.providers))

    assert await traces(services) == before


def closing(outcome: str, order: Order) -> CompleteOrder:
    body: dict[str, Any] = {"key": "o-1:close", "order_id": "o-1", "outcome": outcome}
    return CompleteOrder.model_validate(body | {"body_hash": order.body_hash()})


async def test_an_order_is_closed_by_its_own_body_only(services: Services) -> None:
    order, other = requests.order(), requests.order(SKU_1=9)
    await services.orders.accept(order)
    await all_steps(services)

    with pytest.raises(Conflict, match="another order"):
        await services.order_closing.close(closing("completed", other))
    for outcome in ("compensated", "cancelled", "failed"):
        assert (await services.order_closing.close(closing(outcome, other))).outcome == outcome

    record = await services.orders.find("o-1")
    assert record is not None
    assert record.status == "running"
    await services.order_closing.close(closing("completed", order))


async def test_an_order_that_was_never_accepted_is_not_completed(services: Services) -> None:
    with pytest.raises(NotFound, match="was never accepted"):
        await services.order_closing.close(requests.complete())

    assert await traces(services) == ([], (0, 0, 0, 0, 0, 0))


async def test_a_forged_closing_does_not_spoil_an_order_to_come(services: Services) -> None:
    await services.order_closing.close(closing("compensated", requests.order(SKU_1=9)))

    assert (await services.orders.accept(requests.order())).new
    await all_steps(services)
    await services.order_closing.close(requests.complete())


async def test_an_order_closed_before_it_was_accepted_stays_closed(services: Services) -> None:
    await services.order_closing.close(closing("compensated", requests.order()))

    with pytest.raises(AlreadyUndone):
        await services.orders.accept(requests.order())


async def test_an_unpaid_order_is_not_completed(services: Services) -> None:
    await services.orders.accept(requests.order())

    with pytest.raises(Final):
        await services.order_closing.close(requests.complete())


async def test_an_accepted_order_is_not_read_again(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    await services.orders.accept(requests.order())
    sent: list[bytes] = []
    rows = Database.rows

    async def counted(self: Database, query: bytes, *more: Any) -> Any:
        sent.append(query)
        return await rows(self, query, *more)

    monkeypatch.setattr(Database, "rows", counted)
    for ask in ("reserve", "charge", "ship"):
        await DOS[ask](services)

    # A look at the receipt and the write of the receipt; the reservation is one statement.
    ours = [query for query in sent if b"card_provider" not in query and b"carrier" not in query]
    assert [b"inventory" in query for query in ours].count(True) == 1
    assert len(ours) == 5


@pytest.mark.parametrize("ask", ["reserve", "charge", "ship", "accept"])
async def test_a_pruned_order_is_not_served_again(unchecked_shop: Shop, ask: str) -> None:
    """Also by a worker that asked for the order shortly before it was pruned."""
    services, worker = [Services(unchecked_shop.db, unchecked_shop.providers) for _ in range(2)]
    await services.orders.accept(requests.order())
    await all_steps(services)
    await services.order_closing.close(requests.complete())
    await services.db.rows(b"update orders.orders set closed_at = now() - interval '30 days'")
    await (worker.orders.accept(requests.order()) if ask == "accept" else DOS[ask](worker))
    await services.retention.prune(7)
    before = (await traces(services))[1]

    for again in ("reserve", "charge", "ship") if ask == "accept" else (ask,):
        with pytest.raises(NotAccepted, match="pruned"):
            await DOS[again](worker)
    assert (await traces(services))[1] == before


def test_the_memory_of_accepted_orders_is_bounded(services: Services) -> None:
    memory = AcceptedMemory(bytes_at_most=10_000)
    for number in range(1000):
        memory.put(AcceptedProcess(process=f"o-{number}"))

    assert memory.get("o-999")
    assert memory.get("o-0") is None
    assert memory._bytes <= 10_000
    assert AcceptedMemory(seconds=0.0).get("o-1") is None
