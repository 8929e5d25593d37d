"""The process state store: Temporal is the source of truth; the database keeps states beyond its retention."""

import asyncio
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pydantic import AwareDatetime, TypeAdapter, ValidationError
from temporalio.service import RPCError, RPCStatusCode

from client.connection import Connection
from client.diagnosis.evidence import one_line
from client.handles import handle_of
from client.progress import read_state
from client.state_store.listing import QUERY
from client.state_store.paging import no_token, place_of, token_of
from client.state_store.without_workflow import without_workflow
from models import names
from models.errors import Unavailable
from models.names import ProcessKind, ProcessName
from models.process import ProcessState, Status

PATIENCE = timedelta(seconds=30)
AT_ONCE = 20
OPEN = "open"
# Python's datetime has microseconds, the server's timestamps are finer.
FINER = timedelta(microseconds=1)


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
    """The number of states that a rebuild read from Temporal, and of outcomes from the orders table.

    `skipped`: order id → why its state could not be read or stored.
    """

    from_temporal: int
    from_orders: int
    skipped: dict[str, str] = field(default_factory=dict)


class StateStore:
    """Finds orders and their process states."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def load(self, order_id: str) -> ProcessState | None:
        """Return an order's state, the stored one when Temporal has no run; None without either. Raise Unavailable."""
        handle = handle_of(ProcessName(ProcessKind.ORDER, order_id), await self._connection.temporal())
        try:
            state = await read_state(handle, PATIENCE)
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
        query = f"WorkflowType IN ({names.ORDER_WORKFLOWS}) AND ({QUERY[status]})"
        before, latest, seen = _place(after) if after else (None, None, set[str]())
        if latest:
            query += f" AND StartTime <= '{latest.isoformat()}'"
        client, services = await self._connection.temporal(), await self._connection.services()

        def is_behind(each: FoundProcess) -> bool:
            return not before or each.started_at < before or (each.started_at == before and each.order_id not in seen)

        at_most = limit + len(seen) + 1
        found: dict[str, FoundProcess] = {}
        async for run in client.list_workflows(query, page_size=at_most):
            each = FoundProcess(names.name_of_workflow(run.id).id, run.start_time)
            if is_behind(each):
                found.setdefault(each.order_id, each)
            if len(found) > limit:
                break
        for other in await without_workflow(services, status, at_most, latest):
            each = FoundProcess(other.name.id, other.started_at)
            if other.name.kind is ProcessKind.ORDER and is_behind(each):
                found.setdefault(each.order_id, each)
        page = sorted(found.values(), key=lambda each: each.started_at, reverse=True)
        return Page(page[:limit], _token(page[:limit], before, seen) if len(page) > limit else None)

    async def rebuild(self, *, drop: bool = False) -> Rebuilt:
        """Update the read model from Temporal; `drop` empties it first.

        An order whose state can't be read or stored is skipped. Raises Unavailable when no worker answers for any.
        """
        states, client = (await self._connection.services()).process_states, await self._connection.temporal()
        if drop:
            await states.drop()
        read, skipped, batch, met = 0, dict[str, Exception](), list[str](), set[str]()
        async for run in client.list_workflows(f"WorkflowType IN ({names.ORDER_WORKFLOWS})"):
            order_id = names.name_of_workflow(run.id).id
            batch += [order_id] if order_id not in met else []
            met.add(order_id)
            if len(batch) == AT_ONCE:
                read += await self._keep(batch, skipped)
                batch = []
                _check(read, skipped)
        read += await self._keep(batch, skipped)
        _check(read, skipped)
        filled = await states.fill(names.ORDER_WORKFLOW, names.workflow_id(""))
        return Rebuilt(read, filled, {order_id: one_line(str(error)) for order_id, error in skipped.items()})

    async def _keep(self, order_ids: list[str], skipped: dict[str, Exception]) -> int:
        """Store the states of some orders, and return their number; add the orders without one to `skipped`."""
        answers = await asyncio.gather(*map(self.load, order_ids), return_exceptions=True)
        known: list[tuple[str, ProcessState]] = []
        for order_id, answer in zip(order_ids, answers, strict=True):
            if isinstance(answer, ProcessState):
                known.append((order_id, answer))
            elif isinstance(answer, Exception):
                skipped[order_id] = answer
            elif answer is not None:
                raise answer
        states = (await self._connection.services()).process_states
        kept = 0
        for each in known:
            # One by one: a state that the database can't store must not take the others with it.
            try:
                await states.keep([each])
            except Unavailable:
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, it is reported with the order
                skipped[each[0]] = error
            else:
                kept += 1
        return kept


def _check(read: int, skipped: dict[str, Exception]) -> None:
    """Raise the first error when no state could be read at all: then it is not one order's."""
    for error in skipped.values():
        if not read and isinstance(error, Unavailable | RPCError):
            raise error


def _token(found: list[FoundProcess], before: datetime | None, seen: set[str]) -> str:
    """Return the token of the next page: the last start time, and the orders of that time already returned."""
    last = found[-1].started_at
    same = {each.order_id for each in found if each.started_at == last} | (seen if last == before else set())
    return token_of(OPEN, json.dumps([last.isoformat(), sorted(same)]).encode())


def _place(token: str) -> tuple[datetime, datetime, set[str]]:
    """Return the last start time of a token, the latest that its page may contain, and the orders of that time."""
    try:
        last, seen = TypeAdapter(tuple[AwareDatetime, set[str]]).validate_json(place_of(OPEN, token))
        latest = last + FINER
    except (ValidationError, OverflowError):  # the latter for the end of all times
        raise no_token() from None
    return last, latest, seen
