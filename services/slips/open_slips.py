"""Slips that were accepted and not closed, which the reconciler reads page by page, oldest first."""

from models.recovery import OpenProcess
from postgres.database import Database

_PAGE = b"""
select slip_id from slips.slips
where closed_at is null and created_at < now() - make_interval(secs => %(grace)s)
  and (%(after)s::text is null or (created_at, slip_id) >
    (select created_at, slip_id from slips.slips where slip_id = %(after)s))
order by created_at, slip_id limit %(limit)s
"""
_AGES = b"""
select count(*), count(*) filter (where created_at < now() - make_interval(secs => %(age)s))
from slips.slips where closed_at is null
"""
_READ = b"""
select body::text, body_hash, extract(epoch from now() - created_at)::float8, (
  select coalesce(jsonb_agg(ahead order by version), '[]')::text from slips.revisions where slip_id = %(slip_id)s
) from slips.slips
where slip_id = %(slip_id)s and closed_at is null
"""
_OUTCOME = b"select status, reason from slips.slips where slip_id = %(slip_id)s and closed_at is not null"


class OpenSlips:
    """Reads open slips."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def page(self, after: str | None, limit: int, grace: float) -> list[str]:
        """Return the ids of up to `limit` open slips older than `grace` seconds, after the slip id `after`."""
        rows = await self._db.rows(_PAGE, {"after": after, "limit": limit, "grace": grace})
        return [slip_id for (slip_id,) in rows]

    async def ages(self, age: float) -> tuple[int, int]:
        """Return the number of open slips, and of those older than `age` seconds."""
        every, older = await self._db.row(_AGES, {"age": age}) or (0, 0)
        return every, older

    async def read(self, slip_id: str) -> OpenProcess | None:
        """Return an open slip, None when the slip was closed or never accepted."""
        row = await self._db.row(_READ, {"slip_id": slip_id})
        if row is None:
            return None
        return OpenProcess(body=row[0], body_hash=row[1], age_seconds=row[2], revisions=row[3])

    async def outcome(self, slip_id: str) -> tuple[str, str] | None:
        """Return the status and the reason of a closed slip, None while the slip is open."""
        row = await self._db.row(_OUTCOME, {"slip_id": slip_id})
        return (str(row[0]), str(row[1])) if row else None
