"""Reads the evidence of a run: the database, the outside parties' records and Temporal's histories; replays these."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from psycopg.rows import TupleRow
from temporalio.client import Client

from postgres.database import Database
from postgres.pipeline import Connection
from tests.faults.evidence.evidence import Asked, Evidence, Hit, LogLine, Snapshot
from tests.faults.evidence.histories import read_processes
from tests.faults.evidence.queries import TABLES
from tests.faults.evidence.watching import Watch, read_only, snapshot

__all__ = ["Watch", "gather"]


async def gather(
    db: Database,
    client: Client,
    *,
    asked: Sequence[Asked] = (),
    snapshots: Sequence[Snapshot] = (),
    hits: Sequence[Hit] = (),
    log: Sequence[LogLine] = (),
    opening_stock: Mapping[str, int] | None = None,
    only: Collection[str] | None = None,
    healed_at: float | None = None,
    canaries: Sequence[str] = (),
) -> Evidence:
    """Return the evidence of a run at rest: of every order, or of the order ids in `only`. Needs no worker.

    `opening_stock` is the received quantity of each article; by default that of the first snapshot. `only` names a
    slip by the prefix of its keys, `slip.{slip_id}`. Takes one more snapshot at the end.
    Raises Unavailable when the database, RPCError when Temporal does not answer.
    """
    rows = await _rows(db, only)
    last = await snapshot(db, thorough=True)
    orders = set(only or ()) | {row.order_id for row in rows["orders"] if row.style != "choreographed"}
    processes, replays = await read_processes(client, orders, whole=only is None)
    taken = (*snapshots, last)
    return Evidence(
        asked=tuple(asked),
        snapshots=taken,
        hits=tuple(hits),
        log=tuple(log),
        opening_stock=dict(opening_stock or {sku: level.received for sku, level in taken[0].stock.items()}),
        processes=processes,
        replays=replays,
        canaries=tuple(canaries),
        whole=only is None,
        gathered_at=last.at,
        healed_at=healed_at,
        **rows,
    )


async def _rows(db: Database, only: Collection[str] | None) -> dict[str, tuple[Any, ...]]:
    """Return every table, read in one snapshot."""
    read = {}
    async with db.transaction() as connection:
        await read_only(db, connection)
        for name, (record, query) in TABLES.items():
            read[name] = tuple(record(*row) for row in await _of(db, connection, query, only))
    return read


async def _of(db: Database, connection: Connection, query: bytes, only: Collection[str] | None) -> list[TupleRow]:
    return await db.rows(query, {"only": None if only is None else list(only)}, connection)
