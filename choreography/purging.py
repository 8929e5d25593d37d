"""Deletes the events of orders that ended long ago, in the outbox and the inbox of a service."""

import asyncio

import structlog

from messaging.idempotent_receiver.admission import AcceptedProcesses
from messaging.outbox.feed import OutboxFeed
from models.errors import Unavailable

log = structlog.get_logger("purging")

# So long after its last event that none of an order's events can be delivered again.
KEPT_SECONDS = 30 * 24 * 3600.0
SECONDS_BETWEEN_PURGES = 3600.0
_AT_ONCE = 100


class Purging:
    """Purges one service's events; any number of these may run."""

    def __init__(self, feed: OutboxFeed, accepted: AcceptedProcesses, kept_seconds: float = KEPT_SECONDS) -> None:
        self._feed, self._accepted, self._kept = feed, accepted, kept_seconds

    async def run(self) -> None:
        """Purge every SECONDS_BETWEEN_PURGES until cancelled."""
        while True:
            try:
                await self.run_once()
            except Unavailable as error:
                log.warning("old events can't be purged now", service=self._feed.service, error=str(error))
            await asyncio.sleep(SECONDS_BETWEEN_PURGES)

    async def run_once(self) -> int:
        """Delete the old events of orders that have ended; return their number; raise Unavailable."""
        purged, after = 0, ""
        while page := await self._feed.old(self._kept, _AT_ONCE, after):
            after = page[-1]
            purged += await self._feed.purge([process_id for process_id in page if await self._has_ended(process_id)])
        return purged

    async def _has_ended(self, process_id: str) -> bool:
        accepted = await self._accepted.of(process_id, fresh=True)
        return accepted is not None and accepted.ended
