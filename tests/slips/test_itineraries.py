"""The itineraries that ship with the project, on a real server and database."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from models.order import Order
from models.slips.slip import CancelSlip, Review
from tests.orders.scenarios import Scenario
from tests.slips.conftest import lines, receipts, refused, result_of, start, state_of, until, update, waiting
from tests.slips.slips import SHIP_TO, SHIPPED, shipped, slip
from tests.systems import System
from tests.systems import result_of as result_of_order

pytestmark = pytest.mark.server

EXPECTED = {
    "digital-goods": {"licence": "settled", "charge": "settled"},
    "pre-order": {"reserve": "settled", "charge": "settled", "ship": "settled"},
    "gift": {"reserve": "settled", "charge": "settled", "wrap": "settled", "ship": "settled"},
}


def approval(stop: str, verdict: str = "approve") -> Review:
    return Review.model_validate({"stop": stop, "verdict": verdict, "actor": "ann", "reason": "knows the customer"})


def test_every_shipped_itinerary_is_tested() -> None:
    assert sorted([*EXPECTED, "fraud-check"]) == SHIPPED


@pytest.mark.parametrize("name", EXPECTED)
async def test_a_shipped_itinerary_completes_and_is_settled(system: System, name: str) -> None:
    handle = await start(system, slip_ := shipped(name))

    result = await result_of(handle)

    assert result is not None
    assert (result.status, result.version) == ("completed", 1)
    assert await receipts(system, slip_.slip_id) == EXPECTED[name]
    done = lines(await state_of(handle), "do")
    settling = [f"settle-{number}" for number in range(1, len(EXPECTED[name]) + 1)]
    stops = [stop.name for stop in slip_.itinerary]
    assert [step for step in done if step != "commit"] == ["accept", *stops, *settling, "complete"]
    assert await system.one("select status from slips.slips where slip_id = %s", slip_.slip_id) == "completed"


async def test_a_digital_order_ships_nothing(system: System) -> None:
    handle = await start(system, slip_ := shipped("digital-goods"))
    await result_of(handle)

    assert await system.one("select count(*) from shipping.parcels where key like %s", f"slip.{slip_.slip_id}:%") == 0


async def test_a_pre_order_is_charged_at_its_release_and_not_before(system: System) -> None:
    released = datetime.now(UTC) + timedelta(seconds=4)
    handle = await start(system, slip_ := shipped("pre-order", released=released.isoformat()))

    state = await waiting(handle)

    assert state.current_step == "release"
    assert await receipts(system, slip_.slip_id) == {"reserve": "done"}
    result = await result_of(handle)
    assert result is not None
    assert result.status == "completed"
    charged = await system.one("select min(at) from payments.ledger where key = %s", f"slip.{slip_.slip_id}:charge")
    assert charged >= released


async def test_a_pre_order_cancelled_before_its_release_releases_the_stock(system: System) -> None:
    handle = await start(system, slip_ := shipped("pre-order", released="2099-01-01T00:00:00Z"))
    await waiting(handle)

    await update(handle, "cancel_slip", CancelSlip(reason="changed my mind", actor="c-7"))

    assert await result_of(handle) is None
    assert await receipts(system, slip_.slip_id) == {"reserve": "undone"}


async def test_a_gift_is_wrapped_before_it_ships_and_unwrapped_when_the_carrier_refuses(system: System) -> None:
    handle = await start(system, slip_ := shipped("gift", ship_to=SHIP_TO | {"postcode": "00000"}))

    result = await result_of(handle)

    assert result is not None
    assert (result.status, result.failed_step) == ("compensated", "ship")
    assert result.undone == ("wrap", "charge", "reserve")
    work = await system.db.rows(
        b"select kind from wrapping.work where key = %(key)s order by at", {"key": f"slip.{slip_.slip_id}:wrap"}
    )
    assert work == [("wrap",), ("unwrap",)]


async def test_paper_that_does_not_exist_is_refused_and_undone(system: System) -> None:
    result = await result_of(await start(system, shipped("gift", paper="gold")))

    assert result is not None
    assert (result.status, result.failed_step, result.undone) == ("compensated", "wrap", ("charge", "reserve"))
    assert "no paper gold" in (result.reason or "")


async def test_a_large_amount_waits_for_a_review_and_continues_when_approved(system: System) -> None:
    handle = await start(system, slip_ := shipped("fraud-check"))

    state = await waiting(handle)

    assert (state.current_step, state.data["version"]) == ("fraud-review", 2)
    assert state.data["ahead"] == ["charge", "ship"]
    assert await receipts(system, slip_.slip_id) == {"reserve": "done"}
    assert "not waiting" in await refused(handle, "review", approval("charge"))
    await update(handle, "review", approval("fraud-review"))
    await update(handle, "review", approval("fraud-review"))  # a repeated review is accepted once
    result = await result_of(handle)
    assert result is not None
    assert (result.status, result.version) == ("completed", 2)
    assert result.answers["fraud-review"]["actor"] == "ann"


async def test_a_rejected_review_undoes_the_earlier_stops(system: System) -> None:
    handle = await start(system, slip_ := shipped("fraud-check"))
    await waiting(handle)

    await update(handle, "review", approval("fraud-review", "reject"))

    result = await result_of(handle)
    assert result is not None
    assert (result.status, result.failed_step, result.undone) == ("compensated", "fraud-review", ("reserve",))
    assert await receipts(system, slip_.slip_id) == {"reserve": "undone"}


async def test_a_small_amount_is_not_reviewed(system: System) -> None:
    slip_ = shipped("fraud-check", articles=[{"sku": "SKU-1", "quantity": 1}])

    result = await result_of(await start(system, slip_))

    assert result is not None
    assert (result.status, result.version) == ("completed", 1)
    assert "fraud-review" not in result.answers


async def test_an_order_and_a_slip_of_the_same_id_are_independent(system: System) -> None:
    order = Scenario("twin").order()
    slip_ = slip("price", "reserve", "charge", "ship", postcode="00000", slip_id=order.order_id)

    placed = await system.start(Order.model_validate(order))
    result, ordered = await result_of(await start(system, slip_)), await result_of_order(placed)

    assert result is not None
    assert ordered is not None
    assert (result.status, ordered.status) == ("compensated", "completed")


async def test_the_search_attributes_and_the_details_show_a_waiting_slip(system: System) -> None:
    handle = await start(system, shipped("fraud-check"))
    await waiting(handle)

    described = await handle.describe()

    assert [pair.value for pair in described.typed_search_attributes if pair.key.name == "OrderStatus"] == ["waiting"]
    details = await handle.query("__temporal_workflow_metadata")
    assert re.search(r"\| charge\W+ahead\W+charge_payment \|", str(details))
    await handle.cancel()
    await until(handle, lambda state: state.status.final)
