"""What the activity of the fraud desk is asked, and what it answers."""

from typing import Annotated, Literal

from pydantic import Field

from models.activities.base import Reply, Request
from models.money import Minor, Money
from models.slips.slip import Revision


class CheckFraud(Request):
    """Look at an amount: over the limit, in minor units, a person must review it, or the slip ends where it is."""

    amount: Money
    limit: Minor
    over: Literal["review", "terminate"] = "review"
    within_seconds: Annotated[int, Field(ge=1)] | None = None


class FraudChecked(Reply):
    """Whether the amount is over the limit, and what that changes in the itinerary."""

    suspicious: bool
    revision: Revision | None = None
