"""`list`: the orders that Temporal knows, a page at a time: newest first, or costliest if they wait for a person."""

import heapq
import json
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import typer
from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus
from temporalio.common import SearchAttributeKey

from cli import render
from cli.options import AsJson
from cli.output import Output
from cli.pages import place_of, token_of
from cli.running import run_to_end
from cli.session import session
from models import names
from models.process import Status

OPEN = "ExecutionStatus = 'Running'"
# An order on the happy path carries no search attribute: there, Temporal's own status tells.
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
NEWEST, RISKIEST = "newest", "riskiest"

Row = dict[str, Any]
Rank = tuple[int, str]
Page = Callable[[Client], Awaitable[tuple[list[Row], bytes]]]

OfStatus = Annotated[Status | None, typer.Option("--status", help="Only orders of this status.")]
Limit = Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")]
After = Annotated[str | None, typer.Option(help="Go on after a page: what that page gave as `next`.")]


def list_orders(status: OfStatus = None, limit: Limit = 20, after: After = None, as_json: AsJson = False) -> None:
    """List orders, newest first; those with --status needs_attention by the amount at risk, highest first."""
    order = RISKIEST if status is Status.NEEDS_ATTENTION else NEWEST
    place = place_of(order, after) if after else b""
    page = _riskiest(limit, _rank_at(place)) if order == RISKIEST else _newest(status, limit, place)
    run_to_end(_list(page, order, Output(as_json)))


async def _list(page: Page, order: str, output: Output) -> None:
    async with session() as opened:
        orders, following = await page(await opened.client())
    token = token_of(order, following) if following else None
    shown = render.table("order", "status", "started", "took", "at risk")
    for each in orders:
        started = each["started_at"].astimezone().strftime("%Y-%m-%d %H:%M:%S")
        took = render.took(each["started_at"], each["closed_at"])
        at_risk = render.cell(render.amount(each["at_risk"]))
        shown.add_row(each["order_id"], render.styled(each["status"]), started, took, at_risk)
    output.answer({"orders": orders, "next": token}, shown if orders else "no orders")
    if token:
        output.note(f"there are more: --after {token}")


def _query(status: Status | None) -> str:
    kinds = f"WorkflowType IN ('{names.ORDER_WORKFLOW}', '{names.RECOVERY_WORKFLOW}')"
    return kinds + (f" AND ({QUERY[status]})" if status else "")


def _newest(status: Status | None, limit: int, token: bytes) -> Page:
    """The server's own order and paging."""

    async def page(client: Client) -> tuple[list[Row], bytes]:
        pages = client.list_workflows(_query(status), page_size=limit, next_page_token=token or None)
        await pages.fetch_next_page()
        return [_row(each) for each in pages.current_page or ()], pages.next_page_token or b""

    return page


def _riskiest(limit: int, behind: Rank | None) -> Page:
    """What comes behind a place in the list: an order that is resolved meanwhile shifts no other off a page."""

    async def page(client: Client) -> tuple[list[Row], bytes]:
        # Visibility on SQL can't sort, so all that wait for a person are read.
        every = [_row(each) async for each in client.list_workflows(_query(Status.NEEDS_ATTENTION), page_size=1000)]
        left = [row for row in every if behind is None or _rank(row) > behind]
        rows = heapq.nsmallest(limit, left, key=_rank)
        return rows, json.dumps(_rank(rows[-1])).encode() if len(left) > limit else b""

    return page


def _rank(row: Row) -> Rank:
    return -row["at_risk"], row["order_id"]


def _rank_at(place: bytes) -> Rank | None:
    """Behind which order a page of needs_attention ended."""
    if not place:
        return None
    at_risk, order_id = json.loads(place)
    return at_risk, order_id


def _row(run: WorkflowExecution) -> Row:
    told = run.typed_search_attributes.get(SearchAttributeKey.for_keyword(names.STATUS_ATTRIBUTE))
    ended = STATUS_OF.get(run.status) if run.status else None
    failed = run.status is WorkflowExecutionStatus.FAILED
    return {
        "order_id": run.id.removeprefix(names.workflow_id("")),
        "status": str(ended or told or (Status.FAILED if failed else Status.RUNNING)),
        "workflow": run.status.name.lower() if run.status else None,
        "started_at": run.start_time,
        "closed_at": run.close_time,
        "at_risk": run.typed_search_attributes.get(SearchAttributeKey.for_int(names.AT_RISK_ATTRIBUTE), 0),
    }
