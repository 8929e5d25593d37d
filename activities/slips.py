"""The activities of the slips service: accept a routing slip, close it."""

from typing import Protocol

from temporalio import activity

from models.activities.base import Closed
from models.activities.slips import AcceptSlip, CloseSlip, SlipAccepted


class SlipsService(Protocol):
    """The port to the service that accepts slips."""

    async def accept_to_run(self, request: AcceptSlip) -> SlipAccepted:
        """Record the slip once; raise Final for the id of a pruned slip."""
        ...


class SlipClosingService(Protocol):
    """The port to the service that closes slips."""

    async def close(self, request: CloseSlip) -> Closed:
        """Record the outcome once, and return the recorded one."""
        ...


class SlipActivities:
    """Activities that accept and close slips."""

    def __init__(self, slips: SlipsService, closing: SlipClosingService) -> None:
        self._slips, self._closing = slips, closing

    @activity.defn
    async def accept_slip(self, request: AcceptSlip) -> SlipAccepted:
        """Record the slip."""
        return await self._slips.accept_to_run(request)

    @activity.defn
    async def close_slip(self, request: CloseSlip) -> Closed:
        """Record the slip's outcome and, unless it was undone, settle its stock and money."""
        return await self._closing.close(request)
