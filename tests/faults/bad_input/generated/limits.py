"""The documented limits of an order, implemented independently of the models on purpose."""

import json
import re
from collections.abc import Callable
from typing import Any

Check = Callable[[Any], bool]
DAY = 86_400
CARD_AT_LEAST = 13


def whole(least: int, most: int) -> Check:
    """Return a check for integers of JSON, without true and 1.0."""
    return lambda value: type(value) is int and least <= value <= most


def matching(pattern: str) -> Check:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value, re.ASCII) is not None


def text(value: Any) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= 200 and value.isprintable() and not value.isspace()


def one_of(*values: Any) -> Check:
    return lambda value: isinstance(value, type(values[0])) and value in values


def fields(required: dict[str, Check], optional: dict[str, Check] | None = None) -> Check:
    """Return a check for an object with exactly these fields; an optional one may be null."""
    known = optional or {}

    def check(value: Any) -> bool:
        if not isinstance(value, dict) or not required.keys() <= value.keys() <= required.keys() | known.keys():
            return False
        given = {name: check for name, check in known.items() if value.get(name) is not None}
        return all(check(value[name]) for name, check in (required | given).items())

    return check


IDENTIFIER = matching("[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
LINE = fields({"sku": IDENTIFIER, "quantity": whole(1, 1000)})
CARD = fields({"method": one_of("card"), "token": matching("tok_[A-Za-z0-9_]{1,60}")})
TRANSFER = fields(
    {"method": one_of("bank_transfer"), "reference": matching("ref_[A-Za-z0-9_]{1,60}")},
    {"deadline_seconds": whole(1, 30 * DAY)},
)
ADDRESS = fields(
    {
        **dict.fromkeys(("name", "street", "city"), text),
        "postcode": matching("[A-Za-z0-9][A-Za-z0-9 -]{0,11}"),
        "country": matching("[A-Z]{2}"),
    }
)


def lines(value: Any) -> bool:
    good = isinstance(value, list) and 1 <= len(value) <= 100 and all(LINE(line) for line in value)
    return good and len({line["sku"] for line in value}) == len(value)


_ORDER = fields(
    {
        "order_id": IDENTIFIER,
        "customer_id": IDENTIFIER,
        "currency": one_of("EUR"),
        "lines": lines,
        "payment": lambda value: CARD(value) or TRANSFER(value),
        "ship_to": ADDRESS,
    },
    {"total": whole(0, 10**12), "deadline_seconds": whole(1, 30 * DAY)},
)


def is_order(document: Any) -> bool:
    """Return whether a document is a valid order; `express` may not be null."""
    if isinstance(document, dict) and "express" in document:
        return isinstance(document["express"], bool) and is_order({k: v for k, v in document.items() if k != "express"})
    return _ORDER(document)


def may_hold_a_card_number(document: Any) -> bool:
    """Return whether a text in a document has as many digits as a card number, and may be refused for that."""
    return any(sum(c.isdigit() for c in each) >= CARD_AT_LEAST for each in re.findall(r'"[^"]*"', json.dumps(document)))
