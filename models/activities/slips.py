"""What the activities of the slips service are asked, and what they answer; and the stops where a slip only waits."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from models.activities.base import Reply, Request
from models.slips.slip import RoutingSlip


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
