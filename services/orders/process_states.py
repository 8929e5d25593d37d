"""The read model of process states: it keeps an order's steps after Temporal has deleted the history.

Temporal's history is the source of truth. This table can be dropped and rebuilt from it, with the same content.
"""

from collections.abc import Iterable

from psycopg.types.json import Jsonb
from pydantic import ValidationError

from models.process import ProcessState
from postgres.database import Database

# An older state never replaces a newer one; a state of the same time may hold more and does replace it.
_KEEP = b"""
insert into orders.process_states as held (order_id, process_id, status, started_at, updated_at, state)
values (%(order_id)s, %(process_id)s, %(status)s, %(started_at)s, %(updated_at)s, %(state)s)
on conflict (order_id) do update set
  status = excluded.status, started_at = excluded.started_at, updated_at = excluded.updated_at, state = excluded.state
where held.updated_at <= excluded.updated_at
"""

# A state without steps, from the orders table. Its time is the order's creation, so that any other state replaces it.
_FILL = b"""
insert into orders.process_states (order_id, process_id, status, started_at, updated_at, state)
select order_id, %(prefix)s || order_id, status, created_at, created_at, jsonb_build_object(
  'process_id', %(prefix)s || order_id, 'process_type', %(type)s::text, 'current_step', 'end', 'status', status,
  'data', jsonb_build_object('order', body - 'ship_to' - 'payment', 'reason', reason),
  'history', '[]'::jsonb, 'started_at', created_at, 'updated_at', created_at)
from orders.orders where closed_at is not null
  and (body is null or body ? 'payment' and jsonb_typeof(body) = 'object')
on conflict (order_id) do nothing
returning order_id
"""

_LOAD = b"select state::text from orders.process_states where order_id = %(order_id)s"
_DROP = b"truncate orders.process_states"


class ProcessStates:
    """Stores and loads process states."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def drop(self) -> None:
        """Delete all states; raise Unavailable."""
        await self._db.rows(_DROP)

    async def keep(self, states: Iterable[tuple[str, ProcessState]]) -> None:
        """Store (order id, state) pairs, all or none; raise Unavailable."""
        async with self._db.transaction() as connection:
            for order_id, state in states:
                params = {
                    "order_id": order_id,
                    **state.model_dump(include={"process_id", "status", "started_at", "updated_at"}),
                    "state": Jsonb(state.model_dump(mode="json")),
                }
                await self._db.rows(_KEEP, params, connection)

    async def fill(self, process_type: str, prefix: str) -> int:
        """Store a state for each closed order that has none, and return their number.

        The process id of a state is `prefix` + the order's id.
        """
        return len(await self._db.rows(_FILL, {"type": process_type, "prefix": prefix}))

    async def load(self, order_id: str) -> ProcessState | None:
        """Return the stored state of an order, or None without one that this version can read; raise Unavailable."""
        row = await self._db.row(_LOAD, {"order_id": order_id})
        try:
            return ProcessState.model_validate_json(row[0]) if row else None
        except ValidationError:
            return None
