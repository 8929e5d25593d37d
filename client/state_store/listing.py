"""List the orders that Temporal has, page by page: newest first; parked ones by amount at risk, highest first."""

import heapq
import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError
from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus
from temporalio.common import SearchAttributeKey
from temporalio.service import RPCError, RPCStatusCode

from client.currencies import currencies_of
from client.state_store.paging import no_token, place_of, token_of
from client.state_store.without_workflow import WithoutWorkflow, waiting_for_operators
from models import names
from models.process import Status
from services.assembly import Services

OPEN = "ExecutionStatus = 'Running'"
# An order on the happy path sets no search attribute: its status follows from Temporal's own status.
QUERY = {
    Status.RUNNING: f"{OPEN} AND ({names.STATUS_ATTRIBUTE} IS NULL OR {names.STATUS_ATTRIBUTE} = 'running')",
    Status.WAITING: f"{OPEN} AND {names.STATUS_ATTRIBUTE} = 'waiting'",
    Status.COMPENSATING: f"{OPEN} AND {names.STATUS_ATTRIBUTE} = 'compensating'",
    Status.NEEDS_ATTENTION: f"{OPEN} AND {names.STATUS_ATTRIBUTE} = 'needs_attention'",
    Status.COMPLETED: "ExecutionStatus = 'Completed'",
    Status.COMPENSATED: f"ExecutionStatus = 'Failed' AND {names.STATUS_ATTRIBUTE} = 'compensated'",
    Status.CANCELLED: "ExecutionStatus = 'Canceled'",
    Status.FAILED: (
        f"(ExecutionStatus = 'Failed' AND {names.STATUS_ATTRIBUTE} = 'failed')"
        " OR ExecutionStatus IN ('Terminated', 'TimedOut')"
    ),
}
STATUS_OF = {
    WorkflowExecutionStatus.COMPLETED: Status.COMPLETED,
    WorkflowExecutionStatus.CANCELED: Status.CANCELLED,
    WorkflowExecutionStatus.TERMINATED: Status.FAILED,
    WorkflowExecutionStatus.TIMED_OUT: Status.FAILED,
}
# A server's answers to a page token that it can't read.
FOREIGN_TOKEN = {RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.INTERNAL, RPCStatusCode.UNKNOWN}
NEWEST, RISKIEST = "newest", "riskiest"

Rank = tuple[int, str]


@dataclass(frozen=True)
class ListedOrder:
    """One order of a list; `at_risk` is in minor units of `currency`, `workflow` is Temporal's own status.

    `currency` is None where nothing is at risk.
    """

    order_id: str
    status: str
    workflow: str | None
    started_at: datetime
    closed_at: datetime | None
    at_risk: int
    currency: str | None = None


@dataclass(frozen=True)
class ListPage:
    """A page of orders, and the token of the next page; None on the last page."""

    orders: list[ListedOrder]
    following: str | None


def place_in(status: Status | None, after: str | None) -> bytes:
    """Return the position that the token `after` encodes; raise InvalidInput when it is not a token of this list."""
    place = place_of(_order_of(status), after) if after else b""
    if status is Status.NEEDS_ATTENTION:
        _rank_at(place)
    return place


async def list_orders(client: Client, services: Services, status: Status | None, limit: int, place: bytes) -> ListPage:
    """Return a page of all orders or of one status, from the position `place` on.

    With NEEDS_ATTENTION, it has every process that waits for an operator: slips, and those that no workflow runs, too.
    """
    if status is Status.NEEDS_ATTENTION:
        orders, following = await _riskiest(client, services, limit, place)
    else:
        orders, following = await _newest(client, status, limit, place)
    orders = await _with_currencies(orders, services)
    return ListPage(orders, token_of(_order_of(status), following) if following else None)


def _order_of(status: Status | None) -> str:
    return RISKIEST if status is Status.NEEDS_ATTENTION else NEWEST


def _query(status: Status | None) -> str:
    every = status is Status.NEEDS_ATTENTION
    kinds = f"WorkflowType IN ({names.PROCESS_WORKFLOWS if every else names.ORDER_WORKFLOWS})"
    # A recovery that started its order again as new: the order itself is the run that follows.
    return f"{kinds} AND " + (f"({QUERY[status]})" if status else "ExecutionStatus != 'ContinuedAsNew'")


async def _newest(client: Client, status: Status | None, limit: int, token: bytes) -> tuple[list[ListedOrder], bytes]:
    """Return a page in the server's order, and the server's token of the next page."""
    pages = client.list_workflows(_query(status), page_size=limit, next_page_token=token or None)
    try:
        await pages.fetch_next_page()
    except RPCError as error:
        if token and error.status in FOREIGN_TOKEN:
            raise no_token() from None
        raise
    return [_listed(each) for each in pages.current_page or ()], pages.next_page_token or b""


async def _riskiest(client: Client, services: Services, limit: int, place: bytes) -> tuple[list[ListedOrder], bytes]:
    """Return the parked orders ranked after `place`; a rank, unlike an offset, skips none when others are resolved."""
    # SQL visibility has no ORDER BY, so all parked orders are read and ranked here.
    behind = _rank_at(place)
    waiting = {_shown(each.name): _waiting(each) for each in await waiting_for_operators(services)}
    async for run in client.list_workflows(_query(Status.NEEDS_ATTENTION), page_size=1000):
        waiting[_shown(names.name_of_workflow(run.id))] = _listed(run)
    left = [order for order in waiting.values() if behind is None or _rank(order) > behind]
    orders = heapq.nsmallest(limit, left, key=_rank)
    return orders, json.dumps(_rank(orders[-1])).encode() if len(left) > limit else b""


async def _with_currencies(orders: list[ListedOrder], services: Services) -> list[ListedOrder]:
    unknown = {each.order_id: _named(each.order_id) for each in orders if each.at_risk and not each.currency}
    currencies = await currencies_of(services, unknown.values())
    return [
        replace(each, currency=currencies.get(unknown[each.order_id])) if each.order_id in unknown else each
        for each in orders
    ]


def _named(shown: str) -> names.ProcessName:
    """Return the process of a line: a slip is shown with its path, an order by its id."""
    slip = shown.removeprefix(f"{names.ProcessKind.SLIP}s/")
    return names.ProcessName(names.ProcessKind.ORDER if slip == shown else names.ProcessKind.SLIP, slip)


def _rank(order: ListedOrder) -> Rank:
    return -order.at_risk, order.order_id


def _rank_at(place: bytes) -> Rank | None:
    """Return the rank of the last order of the previous page, None before the first page; raise InvalidInput."""
    try:
        return TypeAdapter(Rank).validate_json(place) if place else None
    except ValidationError:
        raise no_token() from None


def _shown(name: names.ProcessName) -> str:
    """Return the id of an order, and the path of a slip."""
    return name.id if name.kind is names.ProcessKind.ORDER else name.path


def _waiting(found: WithoutWorkflow) -> ListedOrder:
    return ListedOrder(
        order_id=_shown(found.name),
        status=Status.NEEDS_ATTENTION,
        workflow=None,
        started_at=found.started_at,
        closed_at=None,
        at_risk=found.at_risk,
        currency=found.currency,
    )


def _listed(run: WorkflowExecution) -> ListedOrder:
    status: Any = run.typed_search_attributes.get(SearchAttributeKey.for_keyword(names.STATUS_ATTRIBUTE))
    ended = STATUS_OF.get(run.status) if run.status else None
    failed = run.status is WorkflowExecutionStatus.FAILED
    return ListedOrder(
        order_id=_shown(names.name_of_workflow(run.id)),
        status=str(ended or status or (Status.FAILED if failed else Status.RUNNING)),
        workflow=run.status.name.lower() if run.status else None,
        started_at=run.start_time,
        closed_at=run.close_time,
        at_risk=run.typed_search_attributes.get(SearchAttributeKey.for_int(names.AT_RISK_ATTRIBUTE), 0),
    )
