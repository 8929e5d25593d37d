"""Request and reply of the activity of the fraud service."""

from typing import Annotated, Literal

from pydantic import Field

from models.activities.base import Reply, Request
from models.money import Minor, Money
from models.slips.slip import A_YEAR, Revision


class CheckFraud(Request):
    """Check an amount: above `limit`, in minor units, an operator must review it, or the slip terminates.

    `within_seconds` is the longest wait for that review, None for no limit.
    """

    amount: Money
    limit: Minor
    over: Literal["review", "terminate"] = "review"
    within_seconds: Annotated[int, Field(ge=1, le=A_YEAR)] | None = None


class FraudChecked(Reply):
    """The result: whether the amount is above the limit, and the revision of the itinerary in that case."""

    suspicious: bool
    revision: Revision | None = None
