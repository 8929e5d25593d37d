"""Takes snapshots of the whole database during a run, so that the checker can test invariants at many moments."""

import asyncio
from types import TracebackType
from typing import Self

from models.errors import Unavailable
from postgres.database import Database
from postgres.pipeline import Connection
from tests.conservation import ALWAYS, _found
from tests.faults.evidence import queries
from tests.faults.evidence.evidence import Account, ObservedLevel, Snapshot
from tests.spread import answered

# These queries read every receipt, so they run only with every tenth snapshot.
THOROUGH_EVERY = 10


class Watch:
    """Takes a snapshot of the whole database, in one transaction, every `seconds` for the length of its block.

    `async with Watch(db) as watch: ...`, then `watch.snapshots`; `watch.missed` counts the snapshots that failed.
    """

    def __init__(self, db: Database, seconds: float = 0.5) -> None:
        self.snapshots: list[Snapshot] = []
        self.missed = 0
        self._db, self._seconds = db, seconds
        self._ended = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._looking = asyncio.create_task(self._look())
        return self

    async def __aexit__(self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        self._ended.set()
        await self._looking

    async def _look(self) -> None:
        looks = 0
        while not self._ended.is_set():
            try:
                self.snapshots.append(await snapshot(self._db, thorough=looks % THOROUGH_EVERY == 0))
            except Unavailable:
                self.missed += 1
            looks += 1
            try:
                await asyncio.wait_for(self._ended.wait(), self._seconds)
            except TimeoutError:
                continue


async def snapshot(db: Database, *, thorough: bool) -> Snapshot:
    """Return a snapshot of the database; with `thorough`, also look for what may never be. Raises Unavailable."""
    async with db.transaction() as connection:
        await read_only(db, connection)
        ((at,),) = await db.rows(queries.NOW, None, connection)
        stock = await db.rows(queries.STOCK, None, connection)
        balances = await db.rows(queries.BALANCES, None, connection)
        ((captured, refunded),) = await db.rows(queries.CAPTURED, None, connection)
        outcomes = await db.rows(queries.OUTCOMES, None, connection)
        found = await _found(db, connection, answered(db, ALWAYS | queries.BESIDES)) if thorough else []
    return Snapshot(
        at=at,
        stock={sku: ObservedLevel(*counts) for sku, *counts in stock},
        balances={account: Account(*sums) for account, *sums in balances},
        captured=captured,
        refunded=refunded,
        outcomes=dict(outcomes),
        found=tuple(found),
    )


async def read_only(db: Database, connection: Connection) -> None:
    """Make a transaction read one snapshot, whatever is committed concurrently."""
    await db.rows(b"set transaction isolation level repeatable read, read only", None, connection)
