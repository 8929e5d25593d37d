"""Routing slips: acceptance, closing, prices and the fraud check."""

import asyncio
from typing import Any

import pytest

from models.activities.base import Closed
from models.activities.fraud import CheckFraud
from models.activities.orders import PriceArticles
from models.activities.slips import CloseSlip
from models.errors import AlreadyUndone, Conflict, Final, NotFound, OrderRejected
from models.slips.slip import RoutingSlip, Stop
from services.fraud.fraud import FraudDesk
from services.orders.pricing import Pricing
from services.slips.closing import SlipClosing
from services.slips.slips import Slips
from tests.services import requests
from tests.services.shop import Shop

STOPS = {"reserve": "reserve_inventory", "charge": "charge_payment", "wrap": "wrap_gift"}
SLIP = RoutingSlip(slip_id="s-1", itinerary=tuple(Stop(name=name, activity=STOPS[name]) for name in STOPS))
OTHER = SLIP.model_copy(update={"max_hops": 3})
RESERVE, CHARGE = "slip.s-1:reserve", "slip.s-1:charge"


def closing(shop: Shop) -> SlipClosing:
    return shop.slip_closing


def close(outcome: Any = "completed", **changes: Any) -> CloseSlip:
    body = {"key": "slip.s-1:close", "order_id": "slip.s-1", "body_hash": SLIP.body_hash()}
    return CloseSlip.model_validate(body | {"outcome": outcome} | changes)


async def reserved_and_charged(shop: Shop) -> CloseSlip:
    """Accept a slip, reserve and charge for it, and return the request that closes the slip."""
    await Slips(shop.db).accept(SLIP)
    keyed = {"order_id": "slip.s-1"}
    await shop.inventory.reserve(requests.reserve(SKU_1=2).model_copy(update=keyed | {"key": RESERVE}))
    await shop.payments.charge(requests.charge().model_copy(update=keyed | {"key": CHARGE}))
    return close(stops=("reserve", "charge"))


async def test_a_slip_is_accepted_once_and_its_id_is_unique(shop: Shop) -> None:
    slips = Slips(shop.db)

    answers = await asyncio.gather(*(slips.accept(SLIP) for _ in range(20)))

    assert sorted(answer.new for answer in answers) == [False] * 19 + [True]
    with pytest.raises(Conflict):
        await slips.accept(OTHER)


async def test_repeated_closings_sell_the_reserved_stock_once(shop: Shop) -> None:
    request = await reserved_and_charged(shop)

    await asyncio.gather(*(closing(shop).close(request) for _ in range(10)))

    assert (await shop.inventory.levels())["SKU-1"].sold == 2
    balances = await shop.ledger.balances()
    assert (balances["held"], balances["card_clearing"] - balances["revenue"]) == (0, 0)


async def test_closing_is_all_or_nothing(shop: Shop) -> None:
    request = await reserved_and_charged(shop)
    wrong = request.model_copy(update={"stops": ("reserve", "charge", "wrap")})

    with pytest.raises(NotFound):
        await closing(shop).close(wrong)

    assert (await shop.inventory.levels())["SKU-1"].sold == 0
    record = await Slips(shop.db).find("s-1")
    assert record is not None
    assert record.status == "running"
    await closing(shop).close(request)


async def test_a_closed_slip_has_one_outcome(shop: Shop) -> None:
    await Slips(shop.db).accept(SLIP)
    await closing(shop).close(close("cancelled"))

    with pytest.raises(Final, match="is cancelled, not terminated"):
        await closing(shop).close(close("terminated"))


async def test_of_two_undone_outcomes_the_first_is_kept(shop: Shop) -> None:
    await Slips(shop.db).accept(SLIP)
    await closing(shop).close(close("compensated", reason="declined"))

    second = await closing(shop).close(close("cancelled", reason="changed my mind"))

    assert second == Closed(outcome="compensated", reason="declined")


async def test_a_slip_closed_before_its_acceptance_is_refused(shop: Shop) -> None:
    await closing(shop).close(close("compensated"))

    with pytest.raises(AlreadyUndone):
        await Slips(shop.db).accept(SLIP)


async def test_closing_another_slip_of_the_same_id_changes_nothing(shop: Shop) -> None:
    await Slips(shop.db).accept(SLIP)

    await closing(shop).close(close("compensated", body_hash=OTHER.body_hash()))

    record = await Slips(shop.db).find("s-1")
    assert record is not None
    assert record.status == "running"


def pricing(total: int | None = None, **quantities: int) -> PriceArticles:
    return PriceArticles(key="slip.s-1:price", order_id="slip.s-1", lines=requests.lines(**quantities), total=total)


async def test_articles_have_the_price_of_the_catalogue(shop: Shop) -> None:
    priced = await Pricing(shop.db).price(pricing(4970, SKU_1=2, SKU_2=1))

    assert str(priced.total) == "49.70 EUR"


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (pricing(SKU_1=1, NOPE=1, NEVER=1), "not in the catalogue: NOPE, NEVER"),
        (pricing(1, SKU_1=1), "is 1490 by the catalogue"),
    ],
)
async def test_an_article_that_can_not_be_sold_has_no_price(shop: Shop, request_: PriceArticles, why: str) -> None:
    with pytest.raises(OrderRejected, match=why):
        await Pricing(shop.db).price(request_)


@pytest.mark.parametrize(("amount", "suspicious"), [(100, False), (101, True)])
def test_an_amount_over_the_limit_is_suspicious(amount: int, suspicious: bool) -> None:
    request = CheckFraud.model_validate(
        {"key": "slip.s-1:fraud", "order_id": "slip.s-1", "amount": {"amount": amount, "currency": "EUR"}, "limit": 100}
    )

    found = FraudDesk().check(request)

    assert found.suspicious is suspicious
    inserted = found.revision.insert if found.revision else ()
    assert [(stop.name, stop.activity) for stop in inserted] == [("fraud-review", "review")] * suspicious
