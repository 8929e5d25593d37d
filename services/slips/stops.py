"""The stops of an accepted slip that have an effect, and what their requests must contain."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import JsonValue

from models.accepted import AcceptedStep
from models.slips.references import FILLED_AT_MOST, filled_size, reference

# Of all stops, also those that revisions have dropped.
BYTES_AT_MOST = 16 * FILLED_AT_MOST
# The activities with an effect, in the order in which their effects are settled: the parcel first, the stock last.
WITH_EFFECT = ("create_shipment", "charge_payment", "wrap_gift", "reserve_inventory")
# The replies of these activities repeat the arguments of the same name.
_REPEATED = {"charge_payment": "amount", "wrap_gift": "paper", "reserve_inventory": "lines"}


def steps_of_slip(body: Mapping[str, Any], revisions: Iterable[Iterable[Mapping[str, Any]]]) -> dict[str, AcceptedStep]:
    """Return the steps with an effect: the itinerary's, and those of the revisions, of which the later ones count."""
    stops = {stop["name"]: stop for stop in body["itinerary"]}
    for ahead in revisions:
        stops.update({stop["name"]: stop for stop in ahead})
    variables, left, steps = body.get("variables", {}), BYTES_AT_MOST, dict[str, AcceptedStep]()
    for name, stop in stops.items():
        if stop["activity"] in WITH_EFFECT:
            arguments = _known(stop, stops)
            left -= len(json.dumps(arguments)) + filled_size(arguments.values(), variables)
            if left < 0:  # no workflow runs such a slip, so nothing is served of it
                break
            values = {field: _filled(value, variables) for field, value in arguments.items()}
            given: dict[str, JsonValue] = {field: value for field, value in values.items() if value is not None}
            steps[name] = AcceptedStep(activity=stop["activity"], values=given)
    return steps


def _known(stop: Mapping[str, Any], stops: Mapping[str, Mapping[str, Any]]) -> dict[str, JsonValue]:
    """Return the arguments that are known before the run; those from earlier answers are left out.

    Only a whole argument may refer to an answer, so its references are a chain and never a tree: an accepted slip may
    be any document, and there is no end to a tree of references that is within all limits.
    """
    known: dict[str, JsonValue] = {}
    for name, given in stop["arguments"].items():
        value = given
        for _ in stops:
            source, dot, field = reference(value).partition(".")
            if not dot:
                known[name] = value
                break
            earlier = stops.get(source, {})
            if _REPEATED.get(earlier.get("activity", "")) != field:
                break
            value = earlier["arguments"].get(field)
    return known


def _filled(value: JsonValue, variables: Mapping[str, JsonValue]) -> JsonValue:
    """Return a value with its variables in place."""
    if isinstance(value, list):
        return [_filled(item, variables) for item in value]
    if not isinstance(value, dict):
        return value
    if name := reference(value):
        return variables.get(name)
    return {field: _filled(item, variables) for field, item in value.items()}
