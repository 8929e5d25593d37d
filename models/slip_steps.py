"""What the activities of a routing slip are asked and what they answer, beside those of models/steps.py."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from models.money import Minor, Money
from models.order import LINES_AT_MOST, Line
from models.slip import Revision, RoutingSlip
from models.steps import Reply, Request


class AcceptSlip(Request):
    """Remember the slip: its id is its own from here on."""

    slip: RoutingSlip


class SlipAccepted(Reply):
    """The slip was remembered; `new` tells whether only now."""

    new: bool


class CloseSlip(Request):
    """Close the slip: keep its outcome and, when it wasn't undone, settle what these keys hold."""

    slip_id: str
    body_hash: str
    outcome: Literal["completed", "terminated", "compensated", "cancelled", "failed"]
    reserve_keys: tuple[str, ...] = ()
    charge_keys: tuple[str, ...] = ()
    reason: str = ""


class PriceArticles(Request):
    """Tell the catalogue's price; refused when it isn't `total`, in minor units, where one is given."""

    lines: Annotated[tuple[Line, ...], Field(min_length=1, max_length=LINES_AT_MOST)]
    total: Minor | None = None


class WrapGift(Request):
    """Wrap the articles in this paper."""

    lines: Annotated[tuple[Line, ...], Field(min_length=1, max_length=LINES_AT_MOST)]
    paper: Annotated[str, Field(pattern=r"^[a-z]{1,20}$")]


class Wrapped(Reply):
    """The paper that was used."""

    paper: str


class UnwrapGift(Request):
    """Unwrap whatever was wrapped under this key, if anything was."""


class Unwrapped(Reply):
    """The paper that was taken off; None when nothing was wrapped."""

    paper: str | None = None


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


class ManualReview(Request):
    """Wait for a person's verdict; without one within the time, in seconds, it is a no."""

    question: Annotated[str, Field(max_length=200)] = ""
    within_seconds: Annotated[int, Field(ge=1)] | None = None


class Reviewed(Reply):
    """Who approved, and why."""

    actor: str
    reason: str


class AwaitRelease(Request):
    """Wait until the articles are released."""

    until: AwareDatetime


class ReleasedAt(Reply):
    """The moment from which on the articles may be sold."""

    at: AwareDatetime
