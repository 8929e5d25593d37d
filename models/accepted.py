"""An accepted process, as its participants know it: what each of its steps may ask for."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import Field, JsonValue, ValidationError

from models.activities.base import Request
from models.base import Message


class AcceptedStep(Message):
    """One step: the activity that does it, and the values that its request must have, by field.

    A field without a value is free: the argument of a slip's stop may come from an earlier answer.
    """

    activity: str
    values: dict[str, JsonValue]

    def differing(self, request: Request) -> list[str]:
        """Return the fields in which a request differs from what was accepted."""
        document: dict[str, Any] = request.model_dump(mode="json")
        # Compared as text, where 1 is neither 1.0 nor true. Nearly every request is equal, and needs no reading.
        if (text := json.dumps(document | self.values)) == json.dumps(document):
            return []
        try:
            # Read as a request, so that defaults and formats don't count as differences.
            accepted = type(request).model_validate_json(text)
        except ValidationError:
            return sorted(self.values)
        return [name for name in self.values if getattr(accepted, name) != getattr(request, name)]


class AcceptedProcess(Message):
    """An accepted order or slip: its steps by name, and whether it has ended.

    `final` when it was completed, so that its effects stay; `pruned` when it ended so long ago that its receipts are
    gone.
    """

    process: str
    steps: dict[str, AcceptedStep] = Field(default_factory=dict)
    ended: bool = False
    final: bool = False
    pruned: bool = False


def steps_of_order(
    lines: JsonValue, payment: Mapping[str, JsonValue], ship_to: JsonValue, total: JsonValue
) -> dict[str, AcceptedStep]:
    """Return the steps of an order with an effect, from the fields of its body and its price in JSON."""
    means = {name: payment[name] for name in ("token", "reference") if name in payment}
    return {
        "reserve": AcceptedStep(activity="reserve_inventory", values={"lines": lines}),
        "charge": AcceptedStep(activity="charge_payment", values={"amount": total, **means}),
        "ship": AcceptedStep(activity="create_shipment", values={"lines": lines, "ship_to": ship_to}),
    }
