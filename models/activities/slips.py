"""Requests and replies of the activities of the slips service, and of the stops at which a slip waits."""

from datetime import UTC, datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, AwareDatetime, Field, model_validator

from models.activities.base import BodyHash, Reply, Request
from models.activities.orders import REASON_AT_MOST
from models.names import slip_of
from models.slips.slip import A_YEAR, AHEAD_AT_MOST, HOPS_AT_MOST, Name, RoutingSlip, Stop
from models.texts import check_size, one_line

# A revision may only drop stops, so their number has no natural limit.
VERSION_AT_MOST = 10_000
# Within these, a time can be shown in every zone, and a timer until then fits into the server's clock.
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


class SlipRequest(Request):
    """The request of a slip itself; its process is never an order."""

    @model_validator(mode="after")
    def _of_a_slip(self) -> Self:
        if slip_of(self.order_id) is None:
            raise ValueError("order_id: is not a slip")
        return self

    @property
    def slip_id(self) -> str:
        """Return the id of the slip."""
        return slip_of(self.order_id) or ""


class AcceptSlip(SlipRequest):
    """Record the slip, whose id no other slip can use then."""

    slip: RoutingSlip

    @model_validator(mode="after")
    def _the_slip_of_this_process(self) -> Self:
        if self.slip_id != self.slip.slip_id:
            raise ValueError("slip.slip_id: is not the slip of order_id")
        return self


class SlipAccepted(Reply):
    """The slip is recorded; `new` is whether this call recorded it, and `apart` is as in OrderAccepted."""

    new: bool
    apart: tuple[str, ...] | None = None


class RecordRevision(SlipRequest):
    """Record the stops ahead after a revision of the slip of this body: no participant serves a stop it doesn't know.

    `version` is the version of the itinerary, 2 after the first revision.
    """

    body_hash: BodyHash
    version: Annotated[int, Field(ge=2, le=VERSION_AT_MOST)]
    ahead: Annotated[tuple[Stop, ...], Field(max_length=HOPS_AT_MOST)]

    @model_validator(mode="after")
    def _within_a_limit(self) -> Self:
        check_size("ahead", self.model_dump(include={"ahead"}), AHEAD_AT_MOST)
        return self


class RevisionRecorded(Reply):
    """The revision is recorded."""


class CloseSlip(SlipRequest):
    """Close the slip of this body: record its outcome.

    `stops` are settled first, as in histories from before settlements were steps of their own.
    """

    body_hash: BodyHash
    outcome: Literal["completed", "terminated", "compensated", "cancelled", "failed"]
    stops: Annotated[tuple[Name, ...], Field(max_length=HOPS_AT_MOST)] = ()
    reason: Annotated[str, Field(max_length=REASON_AT_MOST), AfterValidator(one_line)] = ""


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
