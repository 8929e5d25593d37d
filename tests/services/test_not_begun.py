"""NotBegun means that nothing of a request was begun: only its first access of a database or provider may raise it."""

from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

import pytest

from models.activities.operators import Alert
from models.activities.payments import ExpectTransfer, RefundPayment
from models.errors import NotBegun, OrderError
from models.money import Money
from models.slips.slip import RoutingSlip
from postgres.database import Database
from postgres.pipeline import Connection, Params
from providers.simulated.card_provider import SimulatedCardProvider
from providers.simulated.carrier import SimulatedCarrier
from services.operators.alerts import Alerts
from tests.services import requests
from tests.services.shop import Shop

EXPECTED = ExpectTransfer(key="o-1:charge", order_id="o-1", amount=Money(amount=1, currency="EUR"), reference="r-1")
ALERT = Alert(
    key="o-1:charge:undo:0", order_id="o-1", step="charge", direction="undo", failure="x", at_risk=1, currency="EUR"
)
SLIP = RoutingSlip.model_validate_json(
    '{"slip_id": "s-1", "itinerary": [{"name": "check", "activity": "wrap", "arguments": {"paper": "snow"}}]}'
)

READ_FIRST = ("charge", "create")


class FailsAt(Database):
    """A database that has no free connection for one of the accesses of a call."""

    def __init__(self, db: Database, access: int) -> None:
        super().__init__(db._pool, db.place)
        self._accesses, self._access = count(1), access

    async def rows(
        self, query: bytes, params: Params | None = None, connection: Connection | None = None
    ) -> list[tuple[Any, ...]]:
        if next(self._accesses) == self._access:
            raise NotBegun("database: couldn't get a connection after 5.00 sec")
        return await super().rows(query, params, connection)


class Silent:
    async def notify(self, _: Alert) -> None:
        pass


CALLS: dict[str, Callable[[Shop], Awaitable[object]]] = {
    "reserve": lambda shop: shop.inventory.reserve(requests.reserve()),
    "release": lambda shop: shop.inventory.release(requests.release()),
    "charge": lambda shop: shop.payments.charge(requests.charge()),
    "charge, declined": lambda shop: shop.payments.charge(requests.charge(token="tok_declined")),
    "refund": lambda shop: shop.payments.refund(requests.refund()),
    "expect": lambda shop: shop.transfers.expect(EXPECTED),
    "give back": lambda shop: shop.transfers.give_back(RefundPayment(key="o-1:charge", order_id="o-1")),
    "create": lambda shop: shop.shipping.create(requests.create()),
    "create, refused": lambda shop: shop.shipping.create(requests.create(postcode="00000")),
    "cancel": lambda shop: shop.shipping.cancel(requests.cancel()),
    "accept": lambda shop: shop.orders.accept_to_run(requests.order()),
    "accept a slip": lambda shop: shop.slips.accept(SLIP),
    "alert": lambda shop: Alerts(shop.db, [Silent()]).send(ALERT),
}


@pytest.mark.parametrize("done_before", [False, True], ids=["new", "again"])
@pytest.mark.parametrize("name", CALLS)
async def test_only_the_first_access_of_a_request_raises_not_begun(db: Database, name: str, done_before: bool) -> None:
    if done_before:
        shop = Shop(db, SimulatedCardProvider(db), SimulatedCarrier(db))
        for call in ("charge", "create", name):
            await _outcome(CALLS[call](shop))
    raised = []
    for access in range(1, 6):
        failing = FailsAt(db, access)
        shop = Shop(failing, SimulatedCardProvider(failing), SimulatedCarrier(failing))
        raised.append(await _outcome(CALLS[name](shop)))

    # A charge and a shipment first read their receipt: nothing has begun before the call of the outside party.
    reads = 0 if done_before else name.startswith(READ_FIRST)
    assert set(raised[: 1 + reads]) == {NotBegun}
    assert NotBegun not in raised[1 + reads :]


async def _outcome(call: Awaitable[object]) -> type[OrderError] | None:
    try:
        await call
    except OrderError as error:
        return type(error)
    return None
