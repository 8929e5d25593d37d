"""Find what makes no progress: running processes, processes without a workflow, dead letters."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio.client import Client, WorkflowExecution
from temporalio.service import RPCError, RPCStatusCode

from activities.lost_processes import Recovery
from activities.process_types import process_types
from client.advice import START_A_WORKER, command, starter
from client.connection import Connection
from client.diagnosis.causes import Cause, StuckProcess, diagnose
from client.diagnosis.deliveries import undelivered
from client.diagnosis.evidence import one_line
from client.diagnosis.reconciler import failed_round
from models import names
from models.dead_letters import DeadLetter
from models.moments import moment
from models.names import ProcessName
from models.recovery import OpenProcess
from services.assembly import Services

NO_SCHEDULE = f"no reconciler is scheduled; run: {starter('setup')}"
# The server's answers about one process; any other error means that the server can't be reached.
OF_ONE_PROCESS = {RPCStatusCode.NOT_FOUND, RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.OUT_OF_RANGE}
OF_ONE_PROCESS |= {RPCStatusCode.FAILED_PRECONDITION, RPCStatusCode.INTERNAL, RPCStatusCode.DATA_LOSS}


@dataclass(frozen=True)
class StuckReport:
    """The processes without progress; `cut_off` when the limit left processes unexamined."""

    stuck: list[StuckProcess]
    cut_off: bool


async def find_stuck(connection: Connection, older_than: timedelta, limit: int) -> StuckReport:
    """Return the processes older than `older_than` without progress, of the first `limit`; raise Unavailable."""
    client, services = await connection.temporal(), await connection.services()
    since = (datetime.now(UTC) - older_than).strftime("%Y-%m-%dT%H:%M:%SZ")
    query = f"WorkflowType IN ({names.PROCESS_WORKFLOWS}) AND ExecutionStatus = 'Running' AND StartTime <= '{since}'"
    found: list[StuckProcess] = []
    examined = 0
    async for run in client.list_workflows(query, limit=limit):
        examined += 1
        diagnosis = await diagnosed(client, run)
        found += [diagnosis] if diagnosis else []
    dead = [_dead(letter) for letter in await services.dead_letters.open(limit=limit) if letter.blocks]
    # The reconciler skips a process that waits behind a dead letter.
    waiting = {stuck.process_id for stuck in dead}
    found += dead
    found += [each async for each in _gone(client, services, older_than, limit, waiting)]
    found += await undelivered(client, services, older_than, limit)
    failed = await failed_round(client)
    found += [failed] if failed else []
    return StuckReport(found, cut_off=examined == limit)


async def diagnosed(client: Client, run: WorkflowExecution) -> StuckProcess | None:
    """Return why a process makes no progress, as `diagnose`; one that can't be examined is reported with the error.

    Raises RPCError when the server can't be reached.
    """
    try:
        return await diagnose(client, run.id, run.run_id)
    except RPCError as error:
        if error.status not in OF_ONE_PROCESS:
            raise
        problem = str(error)
    except (ValueError, TypeError, KeyError, RuntimeError) as error:  # an answer that can't be decoded
        problem = f"{type(error).__name__}: {error}"
    detail = f"it can't be examined: {one_line(problem)}"
    return StuckProcess(process_id=run.id, cause=Cause.SILENT, detail=detail, help=START_A_WORKER, since=run.start_time)


def redrive_command(letter_id: int) -> str:
    """Return the command that delivers a dead letter again; the operator adds a reason."""
    return starter("deadletters", "redrive", str(letter_id), "--reason", "TEXT")


def _dead(letter: DeadLetter) -> StuckProcess:
    cause = f"{letter.error_type}: {letter.cause}"
    return StuckProcess(
        process_id=letter.process_id or letter.message_id,
        cause=Cause.DEAD_LETTER,
        detail=f"waits behind the dead letter {letter.letter_id} of {letter.channel}: {cause}",
        help=redrive_command(letter.letter_id),
        since=letter.died_at,
        at_risk=letter.at_risk,
    )


async def _gone(
    client: Client, services: Services, age: timedelta, limit: int, waiting: set[str]
) -> AsyncIterator[StuckProcess]:
    """Yield the open processes without a workflow, with the time of the reconciler's next run."""
    types = process_types(services)
    recovery, when = Recovery(client, types), ""
    for of_type in types:
        for process_id in await of_type.open.page(None, limit, age.total_seconds()):
            name = ProcessName(of_type.kind, process_id)
            lost = None if name.workflow_id in waiting else await recovery.lost(name)
            # Read it again: the process may have been closed meanwhile.
            if lost is None or (found := await of_type.open.read(process_id)) is None:
                continue
            when = when or await _next_round(client)
            yield _without_workflow(name, found, f"its workflow is gone ({lost.cause}); {when}", when)


def _without_workflow(name: ProcessName, found: OpenProcess, detail: str, when: str) -> StuckProcess:
    trigger = command("temporal", "schedule", "trigger", "--schedule-id", names.RECONCILER_SCHEDULE)
    return StuckProcess(
        process_id=name.workflow_id,
        cause=Cause.GONE,
        detail=detail,
        since=datetime.now(UTC) - timedelta(seconds=found.age_seconds),
        help=starter("setup") if when == NO_SCHEDULE else trigger,
    )


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
    return f"the reconciler runs at {moment(times[0])}"
