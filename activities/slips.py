"""The activities of the slips service: accept a routing slip, close it."""

from collections.abc import Sequence
from typing import Protocol

from temporalio import activity

from models.activities.base import Closed
from models.activities.slips import AcceptSlip, CloseSlip, RecordRevision, RevisionRecorded, SlipAccepted


class SlipsService(Protocol):
    """The port to the service that accepts slips."""

    async def accept_to_run(self, request: AcceptSlip) -> SlipAccepted:
        """Record the slip once; raise Final for the id of a pruned slip."""
        ...


class SlipRevisionsService(Protocol):
    """The port to the service that records the revisions of slips."""

    async def record(self, request: RecordRevision) -> RevisionRecorded:
        """Record the stops ahead after a revision, once for its version."""
        ...


class SlipClosingService(Protocol):
    """The port to the service that closes slips."""

    async def close(self, request: CloseSlip) -> Closed:
        """Record the outcome once, and return the recorded one."""
        ...


class SlipActivities:
    """Activities that accept slips, record their revisions, and close them; `apart` is as in OrderActivities."""

    def __init__(
        self,
        slips: SlipsService,
        revisions: SlipRevisionsService,
        closing: SlipClosingService,
        apart: Sequence[str] = (),
    ) -> None:
        self._slips, self._revisions, self._closing, self._apart = slips, revisions, closing, tuple(apart)

    @activity.defn
    async def accept_slip(self, request: AcceptSlip) -> SlipAccepted:
        """Record the slip."""
        accepted = await self._slips.accept_to_run(request)
        return accepted.model_copy(update={"apart": self._apart})

    @activity.defn
    async def record_revision(self, request: RecordRevision) -> RevisionRecorded:
        """Record the stops ahead after a revision; raise Final when the slip is closed or another one."""
        return await self._revisions.record(request)

    @activity.defn
    async def close_slip(self, request: CloseSlip) -> Closed:
        """Record the slip's outcome."""
        return await self._closing.close(request)
