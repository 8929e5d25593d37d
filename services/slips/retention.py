"""Retention of slips: finds slips that ended long ago, oldest first, and deletes their itineraries."""

from collections.abc import Sequence
from dataclasses import dataclass

from models.names import key, slip_process
from postgres.database import Database

_OLD = b"""
select slip_id, array(
  select name #>> '{}' from jsonb_path_query(body, '$.itinerary[*].name') as name
  union select name #>> '{}' from slips.revisions as revision, jsonb_path_query(ahead, '$[*].name') as name
  where revision.slip_id = slips.slip_id
)
from slips.slips
where closed_at < now() - %(seconds)s * interval '1 second' and body ? 'itinerary'
order by closed_at limit %(limit)s
"""
_COUNT = b"""
select count(*) from slips.slips
where closed_at < now() - %(seconds)s * interval '1 second' and body ? 'itinerary'
"""
_PRUNE = b"""
with revisions as (delete from slips.revisions where slip_id = any(%(slip_ids)s))
update slips.slips set body = '{}' where slip_id = any(%(slip_ids)s) and body ? 'itinerary' returning slip_id
"""


@dataclass(frozen=True)
class OldSlip:
    """A slip that ended long ago, and the keys of its stops."""

    slip_id: str
    keys: tuple[str, ...]


class SlipRetention:
    """Finds and prunes old slips."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def count(self, seconds: int) -> int:
        """Return the number of slips that ended this many seconds ago and were not pruned; raise Unavailable."""
        row = await self._db.row(_COUNT, {"seconds": seconds})
        return int(row[0]) if row else 0

    async def old(self, seconds: int, limit: int) -> list[OldSlip]:
        """Return up to `limit` such slips, oldest first; raise Unavailable."""
        return [
            OldSlip(slip_id, tuple(key(slip_process(slip_id), stop) for stop in stops))
            for slip_id, stops in await self._db.rows(_OLD, {"seconds": seconds, "limit": limit})
        ]

    async def prune(self, unit: Database, slip_ids: Sequence[str]) -> int:
        """Delete the itineraries of slips, which may hold personal data; return how many this call pruned."""
        return len(await unit.rows(_PRUNE, {"slip_ids": list(slip_ids)}))
