"""References in a stop's arguments: {"$var": "colour"} is a variable, {"$var": "price.total"} an earlier answer."""

import json
from collections.abc import Iterable, Iterator, Mapping

from pydantic import JsonValue

from models.slips.slip import SLIP_AT_MOST

VARIABLE = "$var"
# Of the arguments of an itinerary with its variables in place: many short references to one long variable would
# otherwise make a slip, which is within all its other limits, a thousand times as large.
FILLED_AT_MOST = 2 * SLIP_AT_MOST


def reference(value: JsonValue) -> str:
    """Return the name that a value refers to, empty when it is no reference."""
    name = value.get(VARIABLE) if isinstance(value, dict) else None
    return name if isinstance(name, str) else ""


def filled_size(arguments: Iterable[JsonValue], variables: Mapping[str, JsonValue]) -> int:
    """Return how many bytes of JSON the variables add to arguments."""
    sizes: dict[str, int] = {}
    for name in _references(arguments):
        if name in variables and name not in sizes:
            sizes[name] = len(json.dumps(variables[name]))
    return sum(sizes.get(name, 0) for name in _references(arguments))


def _references(values: Iterable[JsonValue]) -> Iterator[str]:
    level = list(values)
    while level:
        below: list[JsonValue] = []
        for value in level:
            if name := reference(value):
                yield name
            elif isinstance(value, dict):
                below += value.values()
            elif isinstance(value, list):
                below += value
        level = below
