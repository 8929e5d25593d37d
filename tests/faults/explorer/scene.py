"""The shared objects of a run: the system, the fleet of workers, the notes of the faults, and the requests."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from temporalio.client import WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.service import RPCError, RPCStatusCode

from messaging.outbox.outbox import Outbox
from models.choreography import LAST
from models.errors import Conflict, Unavailable
from models.order import Order
from models.participants import OWNERS
from postgres.database import Database
from services.databases import Databases
from services.orders.placing import ChoreographedOrders
from tests.faults.evidence.evidence import Asked, Snapshot
from tests.faults.explorer.fleet import Fleet
from tests.faults.explorer.matrix.case import Case
from tests.faults.injection.injecting import Notes
from tests.spread import Spread
from tests.systems import System

SECONDS_BETWEEN_LOOKS = 0.1
# Pairs of articles: a running case has one pair exclusively, so that its locks delay no other case.
PAIRS, STOCK, MORE_THAN_THERE_IS = 80, 900, 1000
ON_THE_WAY = 8
# As long as a delivery is tried; at the end of a round only what belongs to no case is left.
SECONDS_TO_DRAIN, SECONDS_AT_THE_END = 110, 20
SHIP_TO = {"name": "A. Customer", "street": "1 Main St", "city": "Lyon", "country": "FR"}
Answer = Literal["ok", "refused", "unknown"]

_PRICES = b"""
insert into orders.catalogue (sku, price, currency)
select 'PAIR-' || n || '-' || side, 1000 + 500 * side, 'EUR'
from generate_series(1, %(pairs)s) n, generate_series(1, 2) side
"""
_STOCK = b"""
insert into inventory.stock (sku, available, received)
select 'PAIR-' || n || '-' || side, %(stock)s, %(stock)s
from generate_series(1, %(pairs)s) n, generate_series(1, 2) side
"""
_CLOSED = b"select order_id from orders.orders where closed_at is not null"
_WAITING = (
    b"select distinct order_id from operators.alerts union select process_id from trace.undelivered where not given_up"
)
# Each service's events, and those that it has consumed. One without a subscriber is only published.
_OF_ORDER = b"where %(order_id)s::text is null or process_id = %(order_id)s::text"
_STORED = [
    b"select event_id, type, published_at is not null from %s.outbox " % each.encode() + _OF_ORDER for each in OWNERS
]
_CONSUMED = [b"select event_id from %s.inbox " % each.encode() + _OF_ORDER for each in OWNERS]
_DEAD = b"select event_id from trace.undelivered " + _OF_ORDER


@dataclass
class ExplorerScene:
    """The objects that all cases of a run share."""

    system: System
    databases: Databases
    fleet: Fleet
    notes: Notes
    queues: dict[str, str]
    asked: list[Asked] = field(default_factory=list)
    snapshots: list[Snapshot] = field(default_factory=list)
    played: list[Case] = field(default_factory=list)
    closed: set[str] = field(default_factory=set)
    # Orders with an alert or with a dead delivery.
    waiting: set[str] = field(default_factory=set)
    pairs: "asyncio.Queue[int]" = field(default_factory=asyncio.Queue)
    # With more cases at once, attempts without a fault would time out.
    few: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(ON_THE_WAY))
    # A fault in a relay hits every event that the relay holds: one such case at a time.
    one: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))

    @cached_property
    def db(self) -> Database:
        """The databases as one for single queries."""
        return self.databases.orders if self.databases.together else Spread(self.databases)

    async def stock_articles(self) -> None:
        """Insert the articles and their stock."""
        await self.db.rows(_PRICES, {"pairs": PAIRS})
        await self.db.rows(_STOCK, {"pairs": PAIRS, "stock": STOCK})
        for pair in range(1, PAIRS + 1):
            self.pairs.put_nowait(pair)

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Keep `closed` and `waiting` up to date for the length of the block."""
        watch = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            watch.cancel()

    async def _watch(self) -> None:
        while True:
            self.closed = {order_id for (order_id,) in await self.db.rows(_CLOSED)}
            self.waiting = {order_id for (order_id,) in await self.db.rows(_WAITING)}
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)

    async def place(self, order: Order) -> None:
        """Place a choreographed order."""
        services = self.system.services
        await ChoreographedOrders(self.databases.orders, Outbox("orders"), services.trace).place(order)

    async def drain(self, order_id: str | None = None) -> None:
        """Wait until every event is published and consumed, SECONDS_TO_DRAIN at most; the checker reports the rest.

        Events of the two ways of an order may still be under way when the order has ended. With an order id, wait for
        the events of that order, also for those with a dead letter; without, for all events that have none.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(SECONDS_TO_DRAIN if order_id else min(SECONDS_TO_DRAIN, SECONDS_AT_THE_END)):
                while await self._is_under_way(order_id):
                    await asyncio.sleep(SECONDS_BETWEEN_LOOKS)

    async def _is_under_way(self, order_id: str | None) -> bool:
        """Return whether an event is not published, or not consumed; of all orders, one without a dead letter.

        What is consumed is read first: an event that is consumed meanwhile, and causes another, counts as under way.
        """
        of = {"order_id": order_id}
        over = _CONSUMED if order_id else [*_CONSUMED, _DEAD]
        ended = {event_id for query in over for (event_id,) in await self.db.rows(query, of)}
        stored = [row for query in _STORED for row in await self.db.rows(query, of)]
        return any(not published or (kind not in LAST and id_ not in ended) for id_, kind, published in stored)

    def asked_of(self, order: Order) -> list[Asked]:
        """Return the requests about an order with their answers."""
        return [asked for asked in self.asked if asked.order_id == order.order_id]

    @asynccontextmanager
    async def asking(self, op: str, order_id: str, detail: str = "") -> AsyncIterator[None]:
        """Record the request in the block with its answer: `refused` or `unknown` after an error."""
        answer: Answer = "ok"
        try:
            yield
        except (WorkflowUpdateFailedError, Conflict):
            answer = "refused"
        except WorkflowUpdateRPCTimeoutOrCancelledError as unanswered:
            answer = "unknown"
            if (task := asyncio.current_task()) and task.cancelling():  # the end of the case, and no lost answer
                raise asyncio.CancelledError from unanswered
        except RPCError as error:
            answer = "refused" if error.status is RPCStatusCode.NOT_FOUND else "unknown"
        except Unavailable:
            answer = "unknown"
            raise
        finally:
            self.asked.append(Asked(time.time(), op, order_id, answer, detail))


def order_of(case: Case, pair: int) -> Order:
    """Return the order of a case."""
    path = case.path
    payment = (
        {"method": "bank_transfer", "reference": "ref_1"} if path.transfer else {"method": "card", "token": path.token}
    )
    second = MORE_THAN_THERE_IS if path.too_many else 1
    lines = ({"sku": f"PAIR-{pair}-1", "quantity": 2}, {"sku": f"PAIR-{pair}-2", "quantity": second})
    body = {
        "order_id": case.id,
        "customer_id": "c-7",
        "currency": "EUR",
        "lines": lines,
        "payment": payment,
        "ship_to": SHIP_TO | {"postcode": path.postcode},
        "deadline_seconds": path.deadline,
        "express": path.express,
    }
    return Order.model_validate(body)
