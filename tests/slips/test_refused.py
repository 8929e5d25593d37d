"""Slips that are refused before the first stop, by the itinerary's check and by the workflow."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError

from models.errors import InvalidInput
from models.intake.reading import read_slip
from models.slips.slip import Revision, RoutingSlip, Stop, unread_slip
from tests.slips.conftest import receipts, start
from tests.slips.slips import SHIP_TO, slip, stop
from tests.systems import System
from workflows.routing_slip.itinerary import Itinerary


def var(name: str) -> dict[str, str]:
    return {"$var": name}


CASES: dict[str, tuple[RoutingSlip, str]] = {
    "unknown activity": (slip(Stop(name="a", activity="rm")), "itinerary[0].activity: rm is not one of price_articles"),
    "too many stops": (slip("wrap-1", "wrap-2", "wrap-3", max_hops=2), "itinerary: has 3 stops, over its limit of 2"),
    "name used twice": (slip("wrap", "wrap"), "itinerary[1].name: wrap is taken"),
    "own name": (slip(stop("wrap").model_copy(update={"name": "settle"})), "itinerary[0].name: settle is taken"),
    "undo after the pivot": (slip("ship", "wrap"), "can't come after the pivot"),
    "two pivots": (slip("ship", "ship-2"), "can't come after the pivot"),
    "missing argument": (slip(Stop(name="a", activity="wrap_gift")), "itinerary[0].arguments.lines: is missing"),
    "unknown argument": (slip(stop("wrap", colour="red")), "arguments.colour: wrap_gift has no such argument"),
    "own key": (slip(stop("wrap", key="o-1:charge")), "arguments.key: wrap_gift has no such argument"),
    "wrong type": (slip(stop("wrap", paper=1)), "arguments.paper: must be a text"),
    "wrong inside": (
        slip(stop("reserve", lines=[{"sku": "SKU-1", "quantity": 0}])),
        "arguments.lines[0].quantity: must be at least 1",
    ),
    "wrong by variable": (
        slip("ship", variables={"articles": [{"sku": "SKU-1", "quantity": 1}], "ship_to": SHIP_TO | {"country": "?"}}),
        "arguments.ship_to.country",
    ),
    "unknown variable": (slip(stop("wrap", paper=var("paper"))), "there is no variable paper"),
    "answer of a later stop": (slip("charge", "price"), "arguments.amount: no stop price comes before it"),
    "answer without the field": (slip("price", stop("charge", amount=var("price.tax"))), "answer of price has no tax"),
    "answer of another type": (slip("price", stop("wrap", paper=var("price.total"))), "price.total is of another type"),
}


@pytest.mark.parametrize("name", CASES)
def test_an_invalid_itinerary_is_refused(name: str) -> None:
    slip_, why = CASES[name]

    with pytest.raises(InvalidInput) as caught:
        Itinerary(slip_)

    assert why in str(caught.value)


@pytest.mark.server
async def test_the_api_takes_no_slip_that_the_workflow_refuses(system: System) -> None:
    slip_, why = CASES["unknown variable"]

    with pytest.raises(InvalidInput, match=why):
        await system.orders.slips.place(slip_)

    assert await system.one("select count(*) from slips.slips where slip_id = %s", slip_.slip_id) == 0


def test_a_slip_that_its_recovery_has_not_read_takes_no_revision() -> None:
    itinerary, run = Itinerary(unread_slip("s-1")), SimpleNamespace(unwinding=False, stopped=None, begun=[], ahead=[])

    with pytest.raises(InvalidInput, match="too late"):
        itinerary.preview(run, Revision(insert=(stop("hold"),)))  # type: ignore[arg-type] # what it reads


@pytest.mark.server
@pytest.mark.parametrize("name", ["unknown activity", "too many stops", "missing argument", "answer of a later stop"])
async def test_the_workflow_refuses_an_invalid_itinerary_before_the_first_stop(system: System, name: str) -> None:
    slip_, why = CASES[name]
    handle = await start(system, slip_)

    with pytest.raises(WorkflowFailureError) as caught:
        await handle.result()

    cause = caught.value.cause
    assert isinstance(cause, ApplicationError)
    assert (cause.type, why in cause.message) == ("InvalidInput", True)
    assert await receipts(system, slip_.slip_id) == {}
    assert await system.one("select count(*) from slips.slips where slip_id = %s", slip_.slip_id) == 0
    kinds = [event.event_type for event in (await handle.fetch_history()).events]
    assert len(kinds) == 5  # started, three events of the only workflow task, failed


DOCUMENTS: dict[str, tuple[dict[str, Any], str]] = {
    "no stop": ({"slip_id": "s", "itinerary": []}, "itinerary: "),
    "strange id": ({"slip_id": "s/1", "itinerary": [{"name": "a", "activity": "b"}]}, "slip_id: "),
    "strange stop": ({"slip_id": "s", "itinerary": [{"name": "A b", "activity": "b"}]}, "itinerary[0].name: "),
    "no limit": ({"slip_id": "s", "max_hops": 51, "itinerary": [{"name": "a", "activity": "b"}]}, "max_hops: "),
    "unknown field": ({"slip_id": "s", "x": 1, "itinerary": [{"name": "a", "activity": "b"}]}, "x: "),
    "card number": (
        {"slip_id": "s", "variables": {"token": "4111 1111 1111 1111"}, "itinerary": [{"name": "a", "activity": "b"}]},
        "variables: looks like a card number",
    ),
    "control characters": (
        {"slip_id": "s", "itinerary": [{"name": "a", "activity": "b", "arguments": {"x": ["\u001b[2J"]}}]},
        "itinerary[0].arguments: may not hold control characters",
    ),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_bad_document_names_the_field(name: str) -> None:

    document, why = DOCUMENTS[name]

    with pytest.raises(InvalidInput) as caught:
        read_slip(json.dumps(document).encode())

    assert str(caught.value).startswith(why)
