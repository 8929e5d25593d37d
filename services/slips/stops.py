"""The stops of an accepted slip that have an effect, and what their requests must contain."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import JsonValue

from models.accepted import AcceptedStep

VARIABLE = "$var"
# The activities with an effect, in the order in which their effects are settled: the parcel first, the stock last.
WITH_EFFECT = ("create_shipment", "charge_payment", "wrap_gift", "reserve_inventory")
# The replies of these activities repeat the arguments of the same name.
_REPEATED = {"charge_payment": "amount", "wrap_gift": "paper", "reserve_inventory": "lines"}


def steps_of_slip(body: Mapping[str, Any], revisions: Iterable[Iterable[Mapping[str, Any]]]) -> dict[str, AcceptedStep]:
    """Return the steps with an effect: the itinerary's, and those of the revisions, of which the later ones count."""
    stops = {stop["name"]: stop for stop in body["itinerary"]}
    for ahead in revisions:
        stops.update({stop["name"]: stop for stop in ahead})
    return {
        name: AcceptedStep(activity=stop["activity"], values=_values(stop, stops, body.get("variables", {})))
        for name, stop in stops.items()
        if stop["activity"] in WITH_EFFECT
    }


def _values(
    stop: Mapping[str, Any], stops: Mapping[str, Mapping[str, Any]], variables: Mapping[str, JsonValue]
) -> dict[str, JsonValue]:
    """Return the arguments that are known before the run; those from earlier answers are left out."""
    found = {name: _argument(value, stops, variables) for name, value in stop["arguments"].items()}
    return {name: value for name, value in found.items() if value is not None}


def _argument(
    value: JsonValue, stops: Mapping[str, Mapping[str, Any]], variables: Mapping[str, JsonValue], depth: int = 0
) -> JsonValue:
    """Return an argument with its variables resolved, None when it depends on an answer.

    Only a whole argument may refer to an answer: nested references would double the work with every stop.
    """
    name = value.get(VARIABLE) if isinstance(value, dict) else None
    source, dot, field = name.partition(".") if isinstance(name, str) else ("", "", "")
    if not dot:
        return _value(value, variables)
    earlier = stops.get(source, {})
    if depth < len(stops) and _REPEATED.get(earlier.get("activity", "")) == field:
        return _argument(earlier["arguments"].get(field), stops, variables, depth + 1)
    return None


def _value(value: JsonValue, variables: Mapping[str, JsonValue]) -> JsonValue:
    if isinstance(value, list):
        return [_value(item, variables) for item in value]
    if not isinstance(value, dict):
        return value
    name = value.get(VARIABLE)
    if isinstance(name, str):
        return variables.get(name)
    return {field: _value(item, variables) for field, item in value.items()}
