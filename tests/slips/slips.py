"""The itineraries that ship with the project, and slips that are built from their stops."""

import json
import uuid
from pathlib import Path
from typing import Any

from models.slips.slip import RoutingSlip, Stop

FOLDER = Path(__file__).parents[2] / "itineraries"
SHIPPED = sorted(path.stem for path in FOLDER.glob("*.json"))
SHIP_TO = {"name": "A. Customer", "street": "1 Main St", "city": "Lyon", "postcode": "69001", "country": "FR"}
VARIABLES: dict[str, Any] = {"articles": [{"sku": "SKU-1", "quantity": 2}], "token": "tok_ok", "ship_to": SHIP_TO}

ARTICLES = {"lines": {"$var": "articles"}}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "price_articles": ARTICLES,
    "reserve_inventory": ARTICLES,
    "charge_payment": {"amount": {"$var": "price.total"}, "token": {"$var": "token"}},
    "wrap_gift": ARTICLES | {"paper": "stars"},
    "create_shipment": ARTICLES | {"ship_to": {"$var": "ship_to"}},
    "review": {"question": "shall it go on?"},
    "check_fraud": {"amount": {"$var": "price.total"}, "limit": 100},
    "await_release": {"until": "2026-01-01T00:00:00Z"},
}
NAMES = {"price": "price_articles", "reserve": "reserve_inventory", "charge": "charge_payment", "wrap": "wrap_gift"}
NAMES |= {"ship": "create_shipment", "hold": "review", "fraud": "check_fraud", "release": "await_release"}


def new_slip_id(name: str) -> str:
    return f"{name[:30]}-{uuid.uuid4().hex[:8]}"


def stop(name: str, **arguments: Any) -> Stop:
    """Return the stop of that name; a name such as wrap-2 is another stop of the same activity."""
    activity = NAMES[name.partition("-")[0]]
    return Stop(name=name, activity=activity, arguments=ARGUMENTS[activity] | arguments)


def slip(*stops: str | Stop, postcode: str = "69001", token: str = "tok_ok", **fields: Any) -> RoutingSlip:
    """Return a slip of these stops, with a new id."""
    variables = VARIABLES | {"token": token, "ship_to": SHIP_TO | {"postcode": postcode}}
    itinerary = tuple(stop(each) if isinstance(each, str) else each for each in stops)
    body = {"slip_id": new_slip_id("slip"), "variables": variables, "itinerary": itinerary}
    return RoutingSlip.model_validate(body | fields)


def shipped(name: str, **variables: Any) -> RoutingSlip:
    """Return a slip of a shipped itinerary, with a new id."""
    document = json.loads((FOLDER / f"{name}.json").read_text())
    document["slip_id"] = new_slip_id(name)
    document["variables"] |= variables
    return RoutingSlip.model_validate_json(json.dumps(document))
