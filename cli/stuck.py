"""`stuck`: the processes that don't move, each with the reason and the command that helps."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.table import Table
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.lost_orders import Recovery
from cli import render
from cli.diagnosis import Cause, Stuck, diagnose
from cli.options import AsJson
from cli.output import Output
from cli.running import run_to_end
from cli.session import session
from models import names
from models.errors import InvalidInput
from postgres.database import Database
from runtime.connection import database_of
from services.inventory.inventory import Inventory
from services.orders.open_orders import OpenOrders

# Further back than any process, and well within what a date can be.
OLDEST = timedelta(days=3650)
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
KINDS = f"'{names.ORDER_WORKFLOW}', '{names.RECOVERY_WORKFLOW}', 'RoutingSlipWorkflow'"
NO_SCHEDULE = "no reconciler is scheduled: python starter.py setup"

OlderThan = Annotated[str, typer.Option(metavar="AGE", help="Only what is older than this: 30s, 5m, 2h, 1d.")]
Limit = Annotated[int, typer.Option(min=1, max=1000, help="How many processes to look at, at most.")]


def stuck(older_than: OlderThan = "5m", limit: Limit = 200, as_json: AsJson = False) -> None:
    """Name each process that doesn't move by its cause, with the command that helps."""
    run_to_end(_stuck(_age(older_than), limit, Output(as_json)))


async def _stuck(age: timedelta, limit: int, output: Output) -> None:
    async with session() as opened:
        client = await opened.client()
        since = (datetime.now(UTC) - age).strftime("%Y-%m-%dT%H:%M:%SZ")
        query = f"WorkflowType IN ({KINDS}) AND ExecutionStatus = 'Running' AND StartTime <= '{since}'"
        found: list[Stuck] = []
        looked_at = 0
        async for run in client.list_workflows(query, limit=limit):
            looked_at += 1
            diagnosis = await diagnose(client, run.id, run.run_id)
            found += [diagnosis] if diagnosis else []
        async with await Database.open(database_of(opened.settings), size=2) as database:
            found += await _gone(client, database, age, limit)
    if looked_at == limit:
        output.note(f"only {limit} processes were looked at: --limit for more")
    output.answer({"stuck": found}, _shown(found) if found else "nothing is stuck")


async def _gone(client: Client, database: Database, age: timedelta, limit: int) -> list[Stuck]:
    """The open orders without a workflow, and when the reconciler comes for them."""
    orders = OpenOrders(database)
    recovery = Recovery(client, orders, Inventory(database))
    found = []
    when = None
    for order_id in await orders.page(None, limit, age.total_seconds()):
        cause = await recovery.lost(order_id)
        # Read again: it may have been closed while we asked.
        if cause is None or (order := await orders.read(order_id)) is None:
            continue
        when = when or await _next_round(client)
        since = datetime.now(UTC) - timedelta(seconds=order.age_seconds)
        trigger = f"temporal schedule trigger --schedule-id {names.RECONCILER_SCHEDULE}"
        found.append(
            Stuck(
                process_id=names.workflow_id(order_id),
                cause=Cause.GONE,
                detail=f"its workflow is gone ({cause}); {when}",
                since=since,
                help="python starter.py setup" if when == NO_SCHEDULE else trigger,
            )
        )
    return found


async def _next_round(client: Client) -> str:
    try:
        described = await client.get_schedule_handle(names.RECONCILER_SCHEDULE).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return NO_SCHEDULE
        raise
    times = described.info.next_action_times
    if described.schedule.state.paused or not times:
        return "the reconciler is paused"
    return f"the reconciler looks at {times[0].astimezone():%H:%M:%S}"


def _shown(found: list[Stuck]) -> Table:
    table = render.table("process", "cause", "since", "what", "what helps")
    for each in found:
        since = f"{each.since.astimezone():%Y-%m-%d %H:%M:%S}" if each.since else ""
        table.add_row(*map(render.cell, (each.process_id, each.cause, since, each.detail, each.help)))
    return table


def _age(text: str) -> timedelta:
    given = re.fullmatch(r"([0-9]{1,6})([smhd])", text)
    if given is None:
        raise InvalidInput("--older-than", "must be a number and s, m, h or d, as in 5m")
    age = timedelta(seconds=int(given[1]) * SECONDS[given[2]])
    if age > OLDEST:
        raise InvalidInput("--older-than", f"must be at most {OLDEST.days}d")
    return age
