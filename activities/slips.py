"""The slips service as activities: take a routing slip in, close it."""

from typing import Protocol

from temporalio import activity

from models.activities.base import Closed
from models.activities.slips import AcceptSlip, CloseSlip, SlipAccepted


class SlipsService(Protocol):
    """What accepting a slip needs of the service."""

    async def accept_to_run(self, request: AcceptSlip) -> SlipAccepted:
        """Take the slip once; one that was pruned is refused."""
        ...


class SlipClosingService(Protocol):
    """What keeps the outcome of a slip."""

    async def close(self, request: CloseSlip) -> Closed:
        """Record the outcome once, and answer with what stands."""
        ...


class SlipActivities:
    """Accept and close slips."""

    def __init__(self, slips: SlipsService, closing: SlipClosingService) -> None:
        self._slips, self._closing = slips, closing

    @activity.defn
    async def accept_slip(self, request: AcceptSlip) -> SlipAccepted:
        """Remember the slip."""
        return await self._slips.accept_to_run(request)

    @activity.defn
    async def close_slip(self, request: CloseSlip) -> Closed:
        """Keep the slip's outcome; of one that stands, settle stock and money."""
        return await self._closing.close(request)
