"""Requests and replies of the activities of the slips service, and of the stops at which a slip waits."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from models.activities.base import Reply, Request
from models.slips.slip import A_YEAR, RoutingSlip

# Within these, a time can be shown in every zone, and a timer until then fits into the server's clock.
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


class AcceptSlip(Request):
    """Record the slip, whose id no other slip can use then."""

    slip: RoutingSlip


class SlipAccepted(Reply):
    """The slip is recorded; `new` is whether this call recorded it."""

    new: bool


class CloseSlip(Request):
    """Close the slip: record its outcome, and settle the stock and the charges of these keys (none if undone)."""

    slip_id: str
    body_hash: str
    outcome: Literal["completed", "terminated", "compensated", "cancelled", "failed"]
    reserve_keys: tuple[str, ...] = ()
    charge_keys: tuple[str, ...] = ()
    reason: str = ""


class ManualReview(Request):
    """Wait for an operator's review; after `within_seconds` without one, the stop fails."""

    question: Annotated[str, Field(max_length=200)] = ""
    within_seconds: Annotated[int, Field(ge=1, le=A_YEAR)] | None = None


class Reviewed(Reply):
    """The operator who approved, and the reason."""

    actor: str
    reason: str


class AwaitRelease(Request):
    """Wait until the release time of the articles."""

    until: Annotated[AwareDatetime, Field(ge=EARLIEST, lt=LATEST)]


class ReleasedAt(Reply):
    """The time from which the articles may be sold."""

    at: AwareDatetime
