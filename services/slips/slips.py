"""Routing slips and their outcomes."""

import json
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import TupleRow

from models.accepted import AcceptedProcess
from models.activities.slips import AcceptSlip, SlipAccepted
from models.errors import AlreadyUndone, Conflict, Final
from models.names import slip_process
from models.slips.slip import RoutingSlip
from postgres.connection import begun
from postgres.database import Database
from services.slips.statements import ACCEPT, ACCEPTED, READ
from services.slips.stops import steps_of_slip

_COUNT_OPEN = b"select count(*) from slips.slips where closed_at is null"


@dataclass(frozen=True)
class SlipRecord:
    """One slip; body_hash is None when the slip was closed before it was accepted.

    A pruned slip has no receipts any more.
    """

    slip_id: str
    status: str
    reason: str
    body_hash: str | None
    created_at: datetime
    closed_at: datetime | None
    pruned: bool


class Slips:
    """Accepts slips and stores them by id."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def accept(self, slip: RoutingSlip) -> SlipAccepted:
        """Accept the slip once; raise Conflict when its id belongs to another slip, AlreadyUndone, Unavailable."""
        params = {"slip_id": slip.slip_id, "body": slip.model_dump_json(), "hash": slip.body_hash()}
        if await self._db.row(ACCEPT, params):
            return SlipAccepted(new=True)
        with begun():
            known = await self.find(slip.slip_id)
        if known is not None and known.body_hash is None:
            raise AlreadyUndone(f"{slip.slip_id}: was closed as {known.status} before it was accepted")
        if known is None or known.body_hash != slip.body_hash():
            raise Conflict(f"{slip.slip_id}: is the id of another slip; use a new slip_id")
        return SlipAccepted(new=False)

    async def accept_to_run(self, request: AcceptSlip) -> SlipAccepted:
        """Accept a slip whose run begins; raise as `accept` does, and Final for a pruned slip."""
        accepted = await self.accept(request.slip)
        with begun():
            known = None if accepted.new else await self.find(request.slip.slip_id)
        if known and known.pruned:
            raise Final(f"{known.slip_id}: ended long ago as {known.status} and was pruned")
        return accepted

    async def find(self, slip_id: str) -> SlipRecord | None:
        """Return the record of a slip, None when there is none."""
        row = await self._db.row(READ, {"slip_id": slip_id})
        return SlipRecord(*row) if row else None

    async def accepted(self, slip_id: str) -> AcceptedProcess | None:
        """Return what an accepted slip and its revisions ask of the participants, None when there is no such slip."""
        row = await self._db.row(ACCEPTED, {"slip_id": slip_id})
        return accepted_of(slip_id, row) if row else None

    async def count_open(self) -> int:
        """Return the number of slips without an outcome."""
        row = await self._db.row(_COUNT_OPEN, {})
        return int(row[0]) if row else 0


def accepted_of(slip_id: str, row: TupleRow) -> AcceptedProcess:
    """Return the accepted slip of a row of ACCEPTED."""
    process, body, revisions, ended, final = slip_process(slip_id), json.loads(row[0]), json.loads(row[1]), *row[2:]
    if "itinerary" not in body:
        return AcceptedProcess(process=process, ended=True, final=final, pruned=True)
    return AcceptedProcess(process=process, steps=steps_of_slip(body, revisions), ended=ended, final=final)
