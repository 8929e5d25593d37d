"""What each participant knows of a process, as a recovery asks it: of orders and of slips alike."""

from collections.abc import Iterable

import pytest

from models.money import Money
from models.recovery import EffectReceipt
from tests.services import requests
from tests.services.shop import Shop

pytestmark = pytest.mark.server


def shown(receipts: Iterable[EffectReceipt]) -> list[tuple[str, str, Money | None]]:
    return [(each.step, each.status, each.amount) for each in receipts]


@pytest.mark.parametrize("process", ["o-1", "slip.o-1"])
async def test_a_participant_knows_its_step_with_status_and_amount(shop: Shop, process: str) -> None:
    for other in ("o-2", "slip.o-2", "slip.o-10"):
        await shop.inventory.reserve(requests.reserve(other))
    await shop.inventory.reserve(requests.reserve(process))
    await shop.payments.charge(requests.charge(process))
    await shop.payments.refund(requests.refund(process))
    await shop.shipping.cancel(requests.cancel(process))

    assert shown(await shop.inventory.receipts_of(process)) == [("reserve", "done", None)]
    charged = Money(amount=2980, currency="EUR")
    assert shown(await shop.payments.receipts_of(process)) == [("charge", "undone", charged)]
    # A tombstone stops a late do, so a process with one is not as if it were new.
    assert shown(await shop.shipping.receipts_of(process)) == [("ship", "tombstone", None)]
    assert await shop.wrapping.receipts_of(process) == []


async def test_an_unknown_process_has_no_receipts(shop: Shop) -> None:
    await shop.inventory.reserve(requests.reserve("o-1"))

    for process in ("o-2", "slip.o-1", "slip.s-1"):
        assert await shop.inventory.receipts_of(process) == []
