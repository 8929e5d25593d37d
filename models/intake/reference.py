"""The reference of the fields of each document: generated from its model, with a sentence for each field."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from models.external_events import FAILED, PAYLOADS, SETTLED
from models.forms import WORDS
from models.order import Order
from models.slips.slip import RoutingSlip

ORDER = {
    "order_id": "the order's id, permanently: the same order again is not run again, another order is refused",
    "customer_id": "the customer's id",
    "currency": "the currency of the prices",
    "lines": "the articles, each on one line",
    "lines[].sku": "the article's number in the catalogue",
    "lines[].quantity": "the number of pieces",
    "payment": "how it is paid, by its `method`",
    "payment.method": "the kind of payment",
    "payment.token": "the card, never as a card number",
    "payment.reference": "the reference of the transfer, never an account number",
    "payment.deadline_seconds": "the longest wait for the transfer; three days when it is missing",
    "ship_to": "the delivery address",
    "ship_to.name": "the recipient",
    "ship_to.street": "street and number",
    "ship_to.city": "the city",
    "ship_to.postcode": "the postcode",
    "ship_to.country": "the country, as an ISO 3166 code",
    "total": "the price that the customer saw, in minor units (cents); another price than the catalogue's is refused",
    "deadline_seconds": "the order is undone when the carrier doesn't have it by then",
    "express": "try each step inside the workflow task first: lower latency, same guarantees",
}
SLIP = {
    "slip_id": "the slip's id, permanently: the same slip again is not run again, another slip is refused",
    "version": "the version of the itinerary",
    "itinerary": "the stops, in order",
    "itinerary[].name": "the stop's name, once in a slip",
    "itinerary[].activity": "what happens there, such as `charge_payment`",
    "itinerary[].arguments": 'the activity\'s arguments: values, or references such as `{"$var": "price.total"}`',
    "variables": "values to which arguments may refer, each by a name",
    "max_hops": "the limit of stops, inserted ones included",
    "deadline_seconds": "the slip is undone when it has not ended by then",
}
SETTLED_PAYLOAD = {
    "amount": "the amount that arrived, in minor units (cents); the whole amount of the order when it is missing",
    "currency": "the currency of the amount",
}
FAILED_PAYLOAD = {"reason": "why the transfer failed; the order's result carries it"}

# Document → its model, and the sentence of each field.
DOCUMENTS: Mapping[str, tuple[type[BaseModel], Mapping[str, str]]] = {
    "order": (Order, ORDER),
    "slip": (RoutingSlip, SLIP),
    SETTLED: (PAYLOADS[SETTLED], SETTLED_PAYLOAD),
    FAILED: (PAYLOADS[FAILED], FAILED_PAYLOAD),
}


@dataclass(frozen=True)
class FieldEntry:
    """One field: its path, the values that it takes, whether it may be missing, and what it means."""

    field: str
    value: str
    needed: str
    description: str


def fields_of(document: str) -> list[FieldEntry]:
    """Return the fields of a document; raise KeyError for an unknown document, or for a field without a sentence."""
    model, sentences = DOCUMENTS[document]
    schema = model.model_json_schema()
    return [FieldEntry(*row, sentences[row[0]]) for row in _rows(schema, schema.get("$defs", {}), "")]


def _rows(schema: dict[str, Any], defs: dict[str, Any], at: str) -> Iterator[tuple[str, str, str]]:
    for name, given in schema.get("properties", {}).items():
        field, rule = f"{at}{name}", _resolved(given, defs)
        default = given.get("default")
        needed = "required" if name in schema.get("required", ()) else "optional"
        if default not in {None, ""} and not isinstance(default, dict):
            needed = f"optional: {str(default).lower() if isinstance(default, bool) else default}"
        if kinds := rule.get("discriminator"):
            yield field, "an object", needed
            yield from _rows_of_kinds(kinds, defs, field)
        else:
            yield field, _values(rule), needed
            entries = _resolved(rule.get("items", {}), defs)
            yield from _rows(entries, defs, f"{field}[].") if entries else _rows(rule, defs, f"{field}.")


def _rows_of_kinds(kinds: dict[str, Any], defs: dict[str, Any], at: str) -> Iterator[tuple[str, str, str]]:
    """Yield the fields of a union: first the one that chooses, then those of each choice."""
    chooses = kinds["propertyName"]
    yield f"{at}.{chooses}", " or ".join(kinds["mapping"]), "required"
    for kind, ref in kinds["mapping"].items():
        for field, value, needed in _rows(_resolved({"$ref": ref}, defs), defs, f"{at}."):
            if field != f"{at}.{chooses}":
                yield field, value, f"{needed} with {kind}" if needed == "required" else f"{needed}, with {kind}"


def _resolved(rule: dict[str, Any], defs: dict[str, Any]) -> dict[str, Any]:
    """Return the rule behind a reference, or of the value of an optional field."""
    for choice in rule.get("anyOf", ()):
        if choice.get("type") != "null":
            return _resolved(choice, defs)
    return defs[rule["$ref"].rpartition("/")[2]] if "$ref" in rule else rule


def _values(rule: dict[str, Any]) -> str:
    """Return the values that a rule takes, in words."""
    if "const" in rule:
        return str(rule["const"])
    if "pattern" in rule:
        return WORDS[rule["pattern"]]
    kinds = {"string": "a text", "integer": "a whole number", "boolean": "true or false", "object": "an object"}
    what = kinds.get(rule.get("type", ""), "a list")
    bounds = {
        "string": ("minLength", "maxLength", " of {} to {} characters", " of at most {} characters"),
        "integer": ("minimum", "maximum", " from {} to {}", " up to {}"),
        "array": ("minItems", "maxItems", " of {} to {} entries", " of at most {} entries"),
    }.get(rule.get("type", ""))
    if bounds is None or bounds[1] not in rule:
        return what
    low, high = rule.get(bounds[0]), rule[bounds[1]]
    if low == high:
        return str(high)
    return what + (bounds[3].format(high) if low is None else bounds[2].format(low, high))
