"""Revisions of slips: the stops that became part of a slip while it ran."""

import json

from models.activities.slips import RecordRevision, RevisionRecorded
from models.errors import Conflict, Final, InvalidInput
from models.texts import check_texts
from postgres.database import Database

# Of all recorded revisions of a slip, from any sender: participants read them together.
CHARACTERS_AT_MOST = 1024 * 1024

_RECORD = b"""
insert into slips.revisions (slip_id, version, ahead)
select slip_id, %(version)s, %(ahead)s::jsonb from slips.slips
where slip_id = %(slip_id)s and body_hash = %(hash)s and closed_at is null and %(most)s > (
  select coalesce(sum(length(ahead::text)), 0) from slips.revisions where slip_id = %(slip_id)s
)
on conflict (slip_id, version) do nothing
returning version
"""
_READ = b"""
select ahead = %(ahead)s::jsonb from slips.revisions where slip_id = %(slip_id)s and version = %(version)s
"""


class SlipRevisions:
    """Records revisions."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def record(self, request: RecordRevision) -> RevisionRecorded:
        """Record the stops ahead once for a version.

        Raises InvalidInput, Conflict when the version has other stops, Final when no such slip is open, Unavailable.
        """
        for number, stop in enumerate(request.ahead):
            try:
                check_texts(f"ahead[{number}].arguments", stop.arguments)
            except ValueError as error:
                field, _, problem = str(error).partition(": ")
                raise InvalidInput(field, problem) from None
        params = {
            "slip_id": request.slip_id,
            "hash": request.body_hash,
            "version": request.version,
            "ahead": json.dumps([stop.model_dump(mode="json") for stop in request.ahead]),
            "most": CHARACTERS_AT_MOST,
        }
        if not await self._db.row(_RECORD, params):
            known = await self._db.row(_READ, params)
            if known is None:
                why = "no such slip is open, or its revisions are too large, so it can't be revised"
                raise Final(f"{request.slip_id}: {why}")
            if not known[0]:
                raise Conflict(f"{request.slip_id}: version {request.version} has other stops")
        return RevisionRecorded()
