"""Generators of valid routing slips, with any stops in any number."""

from typing import Any

from hypothesis import strategies as st

from models.order import Address, Line
from tests.faults.bad_input.generated.documents import anything, of

_LINE, _ADDRESS = Line.model_json_schema(), Address.model_json_schema()
ARTICLES = {"lines": {"$var": "articles"}}
# The stops that may come before the pivot, any number of times, after the price is known.
STOPS: dict[str, dict[str, Any]] = {
    "reserve_inventory": ARTICLES,
    "charge_payment": {"amount": {"$var": "price.total"}, "token": {"$var": "token"}},
    "wrap_gift": ARTICLES | {"paper": "stars"},
    "check_fraud": {"amount": {"$var": "price.total"}, "limit": 10**9},
}
SHIP = {"name": "ship", "activity": "create_shipment", "arguments": ARTICLES | {"ship_to": {"$var": "ship_to"}}}
PRICE = {"name": "price", "activity": "price_articles", "arguments": ARTICLES}


@st.composite
def slips(draw: st.DrawFn) -> dict[str, Any]:
    """Return a valid slip; its articles and its token may not exist."""
    middle = draw(st.lists(st.sampled_from(sorted(STOPS)), max_size=4))
    stops = [{"name": f"stop-{n}", "activity": each, "arguments": STOPS[each]} for n, each in enumerate(middle)]
    variables = {
        "articles": draw(st.lists(of(_LINE, {}), min_size=1, max_size=3)),
        "token": draw(st.from_regex("^tok_[a-z]{1,9}$", fullmatch=True)).strip(),
        "ship_to": draw(of(_ADDRESS, {})),
        "note": draw(anything()),  # no stop uses this variable
    }
    slip_id = draw(st.from_regex("^[A-Za-z][A-Za-z_-]{0,63}$", fullmatch=True)).strip()
    ends = [SHIP] if draw(st.booleans()) else []
    return {"slip_id": slip_id, "variables": variables, "itinerary": [PRICE, *stops, *ends]}
