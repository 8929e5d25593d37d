"""A request moves money and goods only as a slip, or one of its revisions, was accepted."""

import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from models.activities.inventory import ReleaseInventory, ReserveInventory
from models.activities.payments import ChargePayment, RefundPayment
from models.activities.shipping import CancelShipment, CreateShipment
from models.activities.slips import CloseSlip, RecordRevision
from models.activities.wrapping import UnwrapGift, WrapGift
from models.errors import AlreadySettled, Conflict, Final, InvalidInput, NotAccepted
from models.money import Money
from models.slips.slip import RoutingSlip, Stop
from services.assembly import Services
from services.slips.stops import steps_of_slip
from tests.services import requests
from tests.services.admission.conftest import traces
from tests.services.shop import Shop
from tests.slips.slips import slip, stop

ID = {"slip_id": "s-1"}
LINES = requests.lines(SKU_1=2)
Ask = Callable[[Services], Awaitable[object]]


def keyed(name: str) -> dict[str, Any]:
    return {"key": f"slip.s-1:{name}", "order_id": "slip.s-1"}


def money(amount: int = 2980) -> Money:
    return Money(amount=amount, currency="EUR")


def reserve(name: str = "reserve", **quantities: int) -> Ask:
    lines = requests.lines(**quantities) if quantities else LINES
    return lambda services: services.inventory.reserve(ReserveInventory(lines=lines, **keyed(name)))


def charge(name: str = "charge", amount: int = 2980, token: str = "tok_ok") -> Ask:
    return lambda services: services.payments.charge(ChargePayment(amount=money(amount), token=token, **keyed(name)))


def wrap(name: str = "wrap", paper: str = "stars") -> Ask:
    return lambda services: services.wrapping.wrap(WrapGift(lines=LINES, paper=paper, **keyed(name)))


def ship(name: str = "ship", postcode: str = "69001") -> Ask:
    to = requests.address(postcode)
    return lambda services: services.shipping.create(CreateShipment(lines=LINES, ship_to=to, **keyed(name)))


UNDOS: dict[str, Ask] = {
    "reserve": lambda services: services.inventory.release(ReleaseInventory(**keyed("reserve"))),
    "charge": lambda services: services.payments.refund(RefundPayment(**keyed("charge"))),
    "wrap": lambda services: services.wrapping.unwrap(UnwrapGift(**keyed("wrap"))),
    "ship": lambda services: services.shipping.cancel(CancelShipment(**keyed("ship"))),
}
DOS: dict[str, Ask] = {"reserve": reserve(), "charge": charge(), "wrap": wrap(), "ship": ship()}
GIFT = slip("price", "reserve", "charge", "wrap", "ship", **ID)


def close(outcome: str = "completed", of: RoutingSlip = GIFT, stops: tuple[str, ...] = tuple(DOS)) -> CloseSlip:
    body = keyed("close") | {"body_hash": of.body_hash(), "outcome": outcome}
    return CloseSlip.model_validate(body | {"stops": stops if outcome in {"completed", "terminated"} else ()})


def revision(*ahead: Stop, version: int = 2, of: RoutingSlip = GIFT) -> RecordRevision:
    return RecordRevision(**keyed("itinerary-2"), body_hash=of.body_hash(), version=version, ahead=ahead)


@pytest.mark.parametrize("asks", [DOS, UNDOS])
@pytest.mark.parametrize("name", DOS)
async def test_a_slip_to_come_is_neither_served_nor_spoilt(services: Services, asks: dict[str, Ask], name: str) -> None:
    nothing = await traces(services)

    with pytest.raises(NotAccepted, match=f"slip.s-1:{name}"):
        await asks[name](services)

    assert await traces(services) == nothing
    await services.slips.accept(GIFT)
    for ask in DOS.values():
        await ask(services)
    await services.slip_closing.close(close())


@pytest.mark.parametrize(
    ("ask", "why"),
    [
        (reserve(SKU_1=3), "lines"),
        (charge(token="tok_other"), "token"),
        (wrap(paper="snow"), "paper"),
        (ship(postcode="69009"), "ship_to"),
        (charge("price"), "without this step for charge_payment"),
        (charge("never"), "without this step"),
        (reserve("charge"), "without this step for reserve_inventory"),
    ],
)
async def test_anything_else_than_accepted_is_refused_without_a_receipt(services: Services, ask: Ask, why: str) -> None:
    await services.slips.accept(GIFT)
    nothing = await traces(services)

    with pytest.raises(NotAccepted, match=why):
        await ask(services)

    assert await traces(services) == nothing


async def test_an_amount_in_the_slip_is_compared(services: Services) -> None:
    written = {"amount": 100, "currency": "EUR"}
    await services.slips.accept(slip(stop("charge", amount=written), **ID))

    with pytest.raises(NotAccepted, match="amount"):
        await charge(amount=101)(services)
    await charge(amount=100)(services)


async def test_an_argument_that_repeats_an_earlier_one_is_compared(services: Services) -> None:
    await services.slips.accept(slip("reserve", stop("wrap", lines={"$var": "reserve.lines"}), **ID))

    other = WrapGift(lines=requests.lines(SKU_1=9), paper="stars", **keyed("wrap"))
    with pytest.raises(NotAccepted, match="lines"):
        await services.wrapping.wrap(other)
    await wrap()(services)


@pytest.mark.parametrize("name", UNDOS)
async def test_nothing_of_a_completed_slip_is_undone(services: Services, name: str) -> None:
    await services.slips.accept(GIFT)
    for ask in DOS.values():
        await ask(services)
    await services.slip_closing.close(close())

    with pytest.raises(AlreadySettled):
        await UNDOS[name](services)


@pytest.mark.parametrize("outcome", ["terminated", "compensated"])
async def test_a_stop_that_never_began_does_not_begin_after_the_end(services: Services, outcome: str) -> None:
    await services.slips.accept(GIFT)
    await services.slip_closing.close(close(outcome, stops=()))
    before = (await traces(services))[1]

    for ask in DOS.values():
        with pytest.raises(NotAccepted, match="has ended without this step"):
            await ask(services)

    assert (await traces(services))[1] == before


async def test_a_closing_settles_only_stops_of_its_slip(services: Services) -> None:
    await services.orders.accept(requests.order())
    await services.payments.charge(requests.charge())
    await services.slips.accept(GIFT)

    with pytest.raises(Final, match="o-1: not a stop of it"):
        await services.slip_closing.close(close(stops=("o-1",)))
    with pytest.raises(Final, match="price: not a stop of it"):
        await services.slip_closing.close(close(stops=("price",)))
    with pytest.raises(ValueError, match="stops"):
        close(stops=("o-1:charge",))

    assert (await services.ledger.balances())["revenue"] == 0


async def test_a_recorded_revision_is_served_and_settled(services: Services) -> None:
    await services.slips.accept(GIFT)
    with pytest.raises(NotAccepted):
        await wrap("wrap-2", "snow")(services)

    for _ in range(2):
        await services.slip_revisions.record(
            revision(stop("wrap-2", paper="snow"), stop("charge", token="tok_flaky_0"))
        )

    await wrap("wrap-2", "snow")(services)
    with pytest.raises(NotAccepted, match="token"):
        await charge()(services)
    await charge(token="tok_flaky_0")(services)
    await services.slip_closing.close(close(stops=("wrap-2", "charge")))
    assert (await services.ledger.balances())["revenue"] == 2980


async def test_a_revision_is_of_an_open_slip_and_recorded_once(services: Services) -> None:
    await services.slips.accept(GIFT)
    await services.slip_revisions.record(revision(stop("wrap-2")))

    with pytest.raises(Conflict, match="version 2 has other stops"):
        await services.slip_revisions.record(revision(stop("wrap-3")))
    with pytest.raises(Final, match="no such slip is open"):
        await services.slip_revisions.record(revision(stop("wrap-2"), version=3, of=slip("charge", **ID)))
    with pytest.raises(InvalidInput, match=r"ahead\[0\].arguments"):
        await services.slip_revisions.record(revision(stop("wrap-3", paper="\x1b[2J"), version=3))
    await services.slip_closing.close(close("compensated"))
    with pytest.raises(Final, match="no such slip is open"):
        await services.slip_revisions.record(revision(stop("wrap-2"), version=3))


async def test_a_forged_closing_does_not_spoil_a_slip_to_come(services: Services) -> None:
    await services.slip_closing.close(close("compensated", of=slip("wrap", **ID)))

    assert (await services.slips.accept(GIFT)).new
    await charge()(services)


def forks(stops: int) -> dict[str, Any]:
    """Return a slip within every limit whose stops repeat an argument of their own twice."""
    twice = {"$var": "s0.lines"}
    arguments = {"lines": [twice, twice]}
    named = [{"name": f"s{n}", "activity": "reserve_inventory", "arguments": arguments} for n in range(stops)]
    return {"slip_id": "s-1", "itinerary": named, "max_hops": 50}


def grown() -> dict[str, Any]:
    """Return a slip within every limit that repeats a long variable many times."""
    arguments = {"lines": [{"$var": "v"}] * 1000}
    stops = [{"name": "reserve", "activity": "reserve_inventory", "arguments": arguments}]
    return {"slip_id": "s-1", "itinerary": stops, "variables": {"v": [1] * 3500}}


@pytest.mark.parametrize("document", [forks(18), forks(50), grown()], ids=["forks", "more forks", "grown"])
async def test_an_accepted_slip_of_any_shape_is_read_at_once(services: Services, document: dict[str, Any]) -> None:
    """An activity accepts a slip that no workflow would run."""
    body = RoutingSlip.model_validate_json(json.dumps(document)).model_dump(mode="json")
    began = time.thread_time()

    steps = steps_of_slip(body, [])
    for step in steps.values():
        step.differing(ReserveInventory(lines=LINES, **keyed("s0")))

    assert time.thread_time() - began < 0.05
    await services.slips.accept(RoutingSlip.model_validate_json(json.dumps(document)))
    with pytest.raises(NotAccepted):
        await reserve(str(document["itinerary"][0]["name"]))(services)


@pytest.mark.parametrize("outcome", ["completed", "terminated"])
async def test_nothing_of_a_slip_that_a_forged_closing_completed_is_undone(unchecked_shop: Shop, outcome: str) -> None:
    """The books then show what is not settled."""
    services = Services(unchecked_shop.db, unchecked_shop.providers)
    await services.slips.accept(GIFT)
    for ask in DOS.values():
        await ask(services)
    await services.slip_closing.close(close(outcome, stops=()))

    for undo in UNDOS.values():
        with pytest.raises(AlreadySettled):
            await undo(services)
    assert (await services.ledger.balances())["held"] == 2980


@pytest.mark.parametrize("name", UNDOS)
async def test_an_undo_asks_again_in_a_process_that_remembers_the_slip_as_open(unchecked_shop: Shop, name: str) -> None:
    here, elsewhere = (Services(unchecked_shop.db, unchecked_shop.providers) for _ in range(2))
    await here.slips.accept(GIFT)
    for ask in DOS.values():
        await ask(here)
    await elsewhere.slip_closing.close(close("completed", stops=()))

    with pytest.raises(AlreadySettled):
        await UNDOS[name](here)


@pytest.mark.parametrize("name", DOS)
async def test_a_pruned_slip_is_not_served_again(unchecked_shop: Shop, name: str) -> None:
    services, worker = [Services(unchecked_shop.db, unchecked_shop.providers) for _ in range(2)]
    await services.slips.accept(GIFT)
    for ask in DOS.values():
        await ask(services)
    await services.slip_closing.close(close())
    await services.db.rows(b"update slips.slips set closed_at = now() - interval '30 days'")
    await DOS[name](worker)  # a worker that asks for the slip shortly before it is pruned
    await services.retention.prune(7)
    before = (await traces(services))[1]

    with pytest.raises(NotAccepted, match="pruned"):
        await DOS[name](worker)
    assert (await traces(services))[1] == before


async def test_the_revisions_of_a_slip_have_a_limit(services: Services) -> None:
    await services.slips.accept(GIFT)

    async def recorded(versions: range) -> None:
        for version in versions:
            await services.slip_revisions.record(revision(stop("wrap-2", lines=["x" * 190] * 200), version=version))

    await recorded(range(2, 27))
    with pytest.raises(Final, match="its revisions are too large"):
        await recorded(range(27, 60))

    await charge()(services)
