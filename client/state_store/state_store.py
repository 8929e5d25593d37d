"""The process state store: Temporal is the source of truth; the database keeps states beyond its retention."""

import asyncio
import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import AwareDatetime, TypeAdapter, ValidationError
from temporalio.service import RPCError, RPCStatusCode

from client.connection import Connection
from client.handles import handle_of
from client.progress import state_of
from client.state_store.listing import QUERY
from client.state_store.paging import no_token, place_of, token_of
from models import names
from models.errors import Unavailable
from models.names import ProcessKind, ProcessName
from models.process import ProcessState, Status

PATIENCE = timedelta(seconds=30)
AT_ONCE = 20
OPEN = "open"


@dataclass(frozen=True)
class FoundProcess:
    """One process of a page."""

    order_id: str
    started_at: datetime


@dataclass(frozen=True)
class Page:
    """A page of processes of a status, and the token of the next page; None on the last page."""

    found: list[FoundProcess]
    following: str | None


@dataclass(frozen=True)
class Rebuilt:
    """The number of states that a rebuild read from Temporal, and of outcomes from the orders table."""

    from_temporal: int
    from_orders: int


class StateStore:
    """Finds orders and their process states."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def load(self, order_id: str) -> ProcessState | None:
        """Return an order's state, the stored one when Temporal has no run; None without either. Raise Unavailable."""
        handle = handle_of(ProcessName(ProcessKind.ORDER, order_id), await self._connection.temporal())
        try:
            state = await state_of(handle, PATIENCE)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return await (await self._connection.services()).process_states.load(order_id)
        if state is None:
            raise Unavailable("no worker answers; start a worker, then repeat the command")
        return state

    async def find_by_status(self, status: Status, limit: int = 100, after: str | None = None) -> Page:
        """Return a page of the processes of a status; one that keeps the status while you page is found exactly once.

        Open processes come from Temporal, newest first; ended ones from the orders table, oldest first. `after` is the
        `following` of the previous page. Raises InvalidInput when it is not, Unavailable.
        """
        if not status.final:
            return await self._open(status, limit, after)
        # One row more than the limit shows that another page follows.
        rows = await (await self._connection.services()).orders.by_status(status, limit + 1, after)
        found = [FoundProcess(row.order_id, row.created_at) for row in rows[:limit]]
        return Page(found, found[-1].order_id if len(rows) > limit else None)

    async def _open(self, status: Status, limit: int, after: str | None) -> Page:
        """Return a page of open processes. The cursor is the start time, so an order that leaves shifts no other."""
        query = f"WorkflowType = '{names.ORDER_WORKFLOW}' AND ({QUERY[status]})"
        before, seen = _place(after) if after else (None, set())
        if before:
            # Python's datetime has microseconds, the server's timestamps are finer.
            query += f" AND StartTime <= '{(before + timedelta(microseconds=1)).isoformat()}'"
        found: list[FoundProcess] = []
        client = await self._connection.temporal()
        async for run in client.list_workflows(query, page_size=limit + len(seen) + 1):
            each = FoundProcess(names.name_of_workflow(run.id).id, run.start_time)
            if before and (each.started_at > before or (each.started_at == before and each.order_id in seen)):
                continue
            if len(found) == limit:
                return Page(found, _token(found, before, seen))
            found.append(each)
        return Page(found, None)

    async def rebuild(self, *, drop: bool = False) -> Rebuilt:
        """Update the read model from Temporal; `drop` empties it first. Raise Unavailable when no worker answers."""
        states, client = (await self._connection.services()).process_states, await self._connection.temporal()
        if drop:
            await states.drop()
        read, batch = 0, list[str]()
        async for run in client.list_workflows(f"WorkflowType = '{names.ORDER_WORKFLOW}'"):
            batch.append(names.name_of_workflow(run.id).id)
            if len(batch) == AT_ONCE:
                read += await self._keep(batch)
                batch = []
        read += await self._keep(batch)
        return Rebuilt(read, await states.fill(names.ORDER_WORKFLOW, names.workflow_id("")))

    async def _keep(self, order_ids: list[str]) -> int:
        states = await asyncio.gather(*(self.load(order_id) for order_id in order_ids))
        known = [(order_id, state) for order_id, state in zip(order_ids, states, strict=True) if state]
        await (await self._connection.services()).process_states.keep(known)
        return len(known)


def _token(found: list[FoundProcess], before: datetime | None, seen: set[str]) -> str:
    """Return the token of the next page: the last start time, and the orders of that time already returned."""
    last = found[-1].started_at
    same = {each.order_id for each in found if each.started_at == last} | (seen if last == before else set())
    return token_of(OPEN, json.dumps([last.isoformat(), sorted(same)]).encode())


def _place(token: str) -> tuple[datetime, set[str]]:
    try:
        last, seen = TypeAdapter(tuple[AwareDatetime, set[str]]).validate_json(place_of(OPEN, token))
    except ValidationError:
        raise no_token() from None
    return last, seen
