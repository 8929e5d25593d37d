"""The process state store: Temporal, which is the truth, then what the database keeps beyond Temporal's memory."""

import asyncio
import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio.service import RPCError, RPCStatusCode

from client.connection import Connection
from client.handles import handle_of
from client.progress import state_of
from client.state_store.listing import QUERY
from client.state_store.paging import place_of, token_of
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
    """Some processes of a status, and where the next page begins; None behind the last one."""

    found: list[FoundProcess]
    following: str | None


@dataclass(frozen=True)
class Rebuilt:
    """How many states a rebuild read from Temporal, and how many outcomes from the orders table alone."""

    from_temporal: int
    from_orders: int


class StateStore:
    """Finds processes and their states."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def load(self, order_id: str) -> ProcessState | None:
        """Return where an order is, or was when Temporal forgot it; None when there is none. Raise Unavailable."""
        handle = handle_of(ProcessName(ProcessKind.ORDER, order_id), await self._connection.temporal())
        try:
            state = await state_of(handle, PATIENCE)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return await (await self._connection.services()).process_states.load(order_id)
        if state is None:
            raise Unavailable("no worker answers; ask again once one runs")
        return state

    async def find_by_status(self, status: Status, limit: int = 100, after: str | None = None) -> Page:
        """Return a page of the processes of a status; one that keeps it while you page is found exactly once.

        Open ones are Temporal's, newest first; ended ones the orders table's, oldest first, for ever.
        """
        if not status.final:
            return await self._open(status, limit, after)
        # One more than asked for tells whether another page follows.
        rows = await (await self._connection.services()).orders.by_status(status, limit + 1, after)
        found = [FoundProcess(row.order_id, row.created_at) for row in rows[:limit]]
        return Page(found, found[-1].order_id if len(rows) > limit else None)

    async def _open(self, status: Status, limit: int, after: str | None) -> Page:
        """Page by start, which never changes, not by number: an order that leaves the status shifts no other."""
        query = f"WorkflowType = '{names.ORDER_WORKFLOW}' AND ({QUERY[status]})"
        before, seen = _place(after) if after else (None, set())
        if before:
            # The server's clock is finer than ours.
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
        """Bring the read model up to date, from nothing with `drop`; raise Unavailable without a worker."""
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
    """Where the next page begins: the last start, and who of that moment was on a page already."""
    last = found[-1].started_at
    same = {each.order_id for each in found if each.started_at == last} | (seen if last == before else set())
    return token_of(OPEN, json.dumps([last.isoformat(), sorted(same)]).encode())


def _place(token: str) -> tuple[datetime, set[str]]:
    last, seen = json.loads(place_of(OPEN, token))
    return datetime.fromisoformat(last), set(seen)
