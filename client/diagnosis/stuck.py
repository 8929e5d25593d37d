"""Find what makes no progress: running processes, orders without a workflow, dead letters."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.lost_orders import Recovery
from client.connection import Connection
from client.diagnosis.causes import Cause, StuckProcess, diagnose
from models import names
from models.dead_letters import DeadLetter
from services.assembly import Services

KINDS = f"'{names.ORDER_WORKFLOW}', '{names.RECOVERY_WORKFLOW}', '{names.SLIP_WORKFLOW}'"
NO_SCHEDULE = "no reconciler is scheduled; run: python starter.py setup"


@dataclass(frozen=True)
class StuckReport:
    """The processes without progress; `cut_off` when the limit left processes unexamined."""

    stuck: list[StuckProcess]
    cut_off: bool


async def find_stuck(connection: Connection, older_than: timedelta, limit: int) -> StuckReport:
    """Return the processes older than `older_than` without progress, of the first `limit`; raise Unavailable."""
    client, services = await connection.temporal(), await connection.services()
    since = (datetime.now(UTC) - older_than).strftime("%Y-%m-%dT%H:%M:%SZ")
    query = f"WorkflowType IN ({KINDS}) AND ExecutionStatus = 'Running' AND StartTime <= '{since}'"
    found: list[StuckProcess] = []
    examined = 0
    async for run in client.list_workflows(query, limit=limit):
        examined += 1
        diagnosis = await diagnose(client, run.id, run.run_id)
        found += [diagnosis] if diagnosis else []
    dead = [_dead(letter) for letter in await services.dead_letters.open(limit=limit) if letter.blocks]
    # The reconciler skips an order that waits behind a dead letter.
    waiting = {stuck.process_id for stuck in dead}
    found += dead
    found += await _gone(client, services, older_than, limit, waiting)
    return StuckReport(found, cut_off=examined == limit)


def _dead(letter: DeadLetter) -> StuckProcess:
    cause = f"{letter.error_type}: {letter.cause}"
    return StuckProcess(
        process_id=letter.process_id or letter.message_id,
        cause=Cause.DEAD_LETTER,
        detail=f"waits behind the dead letter {letter.letter_id} of {letter.channel}: {cause}",
        help=f"python starter.py deadletters redrive {letter.letter_id} --reason TEXT",
        since=letter.died_at,
    )


async def _gone(
    client: Client, services: Services, age: timedelta, limit: int, waiting: set[str]
) -> list[StuckProcess]:
    """Return the open orders without a workflow, with the time of the reconciler's next run."""
    recovery = Recovery(client, services.open_orders, services.inventory)
    found = []
    when = None
    for order_id in await services.open_orders.page(None, limit, age.total_seconds()):
        process_id = names.workflow_id(order_id)
        cause = None if process_id in waiting else await recovery.lost(order_id)
        # Read it again: the order may have been closed meanwhile.
        if cause is None or (order := await services.open_orders.read(order_id)) is None:
            continue
        when = when or await _next_round(client)
        trigger = f"temporal schedule trigger --schedule-id {names.RECONCILER_SCHEDULE}"
        found.append(
            StuckProcess(
                process_id=process_id,
                cause=Cause.GONE,
                detail=f"its workflow is gone ({cause}); {when}",
                since=datetime.now(UTC) - timedelta(seconds=order.age_seconds),
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
    return f"the reconciler runs at {times[0].astimezone():%H:%M:%S %Z}"
