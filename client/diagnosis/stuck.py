"""Find what makes no progress: running processes, processes without a workflow, dead letters."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio.client import Client, WorkflowExecution
from temporalio.common import SearchAttributeKey
from temporalio.service import RPCError, RPCStatusCode

from activities.lost_processes import Recovery
from activities.process_types import ProcessType, process_types
from client.advice import CAUSE_FIXED, START_A_WORKER, helps, starter
from client.connection import Connection
from client.currencies import currencies_of
from client.diagnosis.causes import diagnose
from client.diagnosis.deliveries import silent_younger, undelivered
from client.diagnosis.evidence import one_line
from client.diagnosis.findings import Cause, StuckGroup, StuckProcess
from client.diagnosis.grouping import grouped
from client.diagnosis.reconciler import failed_round, next_round
from models import names
from models.dead_letters import DeadLetter
from models.errors import Final
from models.money import Money
from models.names import ProcessName
from models.recovery import OpenProcess
from services.assembly import Services

OPEN = f"WorkflowType IN ({names.PROCESS_WORKFLOWS}) AND ExecutionStatus = 'Running'"
AT_RISK = SearchAttributeKey.for_int(names.AT_RISK_ATTRIBUTE)
# The server's answers about one process; any other error means that the server can't be reached.
OF_ONE_PROCESS = {RPCStatusCode.NOT_FOUND, RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.OUT_OF_RANGE}
OF_ONE_PROCESS |= {RPCStatusCode.FAILED_PRECONDITION, RPCStatusCode.INTERNAL, RPCStatusCode.DATA_LOSS}
# Processes that are examined at the same time.
AT_ONCE = 20


@dataclass(frozen=True)
class StuckReport:
    """The processes without progress, and the numbers of those that a filter hid.

    `younger`: processes that are not as old as asked for; `beyond_limit`: older ones that the limit left unexamined.
    """

    stuck: list[StuckProcess]
    younger: int = 0
    beyond_limit: int = 0

    @property
    def groups(self) -> list[StuckGroup]:
        """The processes by cause, step and failure; the most money at risk first, then the most processes."""
        return grouped(self.stuck)


async def find_stuck(connection: Connection, older_than: timedelta, limit: int) -> StuckReport:
    """Return the processes older than `older_than` without progress, of the first `limit`; raise Unavailable."""
    client, services = await connection.temporal(), await connection.services()
    since = (datetime.now(UTC) - older_than).strftime("%Y-%m-%dT%H:%M:%SZ")
    runs = [run async for run in client.list_workflows(f"{OPEN} AND StartTime <= '{since}'", limit=limit)]
    found = await _with_currencies(await all_diagnosed(client, runs), services)
    letters = await services.dead_letters.open(limit=limit)
    dead = [_dead(letter) for letter in letters if letter.blocks]
    # The reconciler skips a process that waits behind a dead letter.
    waiting = {stuck.process_id for stuck in dead}
    found += dead
    found += [each async for each in _gone(client, services, older_than, limit, waiting)]
    found += await undelivered(client, services, older_than, limit)
    failed = await failed_round(client)
    found += [failed] if failed else []
    younger, beyond = await _stored_but_not_examined(services, older_than, limit)
    if older_than > timedelta():
        younger = max(younger, (await client.count_workflows(f"{OPEN} AND StartTime > '{since}'")).count)
        younger += await silent_younger(services, older_than, limit)
    if len(runs) == limit:
        beyond = max(beyond, (await client.count_workflows(f"{OPEN} AND StartTime <= '{since}'")).count - limit)
    if len(letters) == limit:
        beyond += sum(group.count for group in await services.dead_letters.groups()) - limit
    return StuckReport(found, younger, beyond)


async def _stored_but_not_examined(services: Services, age: timedelta, limit: int) -> tuple[int, int]:
    """Return how many open processes are younger than `age`, and how many older ones the limit left unexamined.

    By the services' own tables, which also have those without a workflow.
    """
    younger = beyond = 0
    for of_type in process_types(services):
        every, older = await of_type.open.ages(age.total_seconds())
        younger += every - older
        beyond += max(0, older - limit)
    return younger, beyond


async def all_diagnosed(client: Client, runs: Iterable[WorkflowExecution]) -> list[StuckProcess]:
    """Return why processes make no progress, some examined at a time: without a worker, each keeps one waiting."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(run: WorkflowExecution) -> StuckProcess | None:
        async with gate:
            return await diagnosed(client, run)

    return [found for found in await asyncio.gather(*map(one, runs)) if found]


async def _with_currencies(found: list[StuckProcess], services: Services) -> list[StuckProcess]:
    """Return findings with the currencies of their amounts at risk, also when no worker tells them."""
    unknown = {
        each.process_id: names.name_of_workflow(each.process_id) for each in found if each.at_risk and not each.currency
    }
    currencies = await currencies_of(services, unknown.values())
    return [
        each.model_copy(update={"currency": currencies.get(unknown[each.process_id])})
        if each.process_id in unknown
        else each
        for each in found
    ]


async def diagnosed(client: Client, run: WorkflowExecution) -> StuckProcess | None:
    """Return why a process makes no progress, as `diagnose`, with its amount at risk.

    One that can't be examined is reported with the error. Raises RPCError when the server can't be reached.
    """
    at_risk = run.typed_search_attributes.get(AT_RISK, 0)
    try:
        found = await diagnose(client, run.id, run.run_id)
        return found.model_copy(update={"at_risk": at_risk}) if found else None
    except RPCError as error:
        if error.status not in OF_ONE_PROCESS:
            raise
        problem = str(error)
    except (ValueError, TypeError, KeyError, RuntimeError) as error:  # an answer that can't be decoded
        problem = f"{type(error).__name__}: {error}"
    failure = one_line(problem)
    return StuckProcess(
        process_id=run.id,
        cause=Cause.SILENT,
        detail=f"it can't be examined: {failure}",
        failure=failure,
        since=run.start_time,
        at_risk=at_risk,
        **helps(START_A_WORKER),
    )


def redrive_command(letter_id: int) -> str:
    """Return the command that delivers a dead letter again."""
    return starter("deadletters", "redrive", str(letter_id), "--reason", CAUSE_FIXED)


def _dead(letter: DeadLetter) -> StuckProcess:
    cause = f"{letter.error_type}: {letter.cause}"
    return StuckProcess(
        process_id=letter.process_id or letter.message_id,
        cause=Cause.DEAD_LETTER,
        detail=f"waits behind the dead letter {letter.letter_id} of {letter.channel}: {cause}",
        step=letter.channel,
        failure=one_line(cause),
        since=letter.died_at,
        at_risk=letter.at_risk,
        currency=letter.currency or None,
        **helps(redrive_command(letter.letter_id)),
    )


def _recorded_risk(of_type: ProcessType, found: OpenProcess) -> Money | None:
    """Return what the effects of a process may cost at most, None when its own record doesn't say that."""
    try:
        return of_type.at_risk(found)
    except Final:  # it can't be read; the reconciler makes a dead letter of it
        return found.total


async def _gone(
    client: Client, services: Services, age: timedelta, limit: int, waiting: set[str]
) -> AsyncIterator[StuckProcess]:
    """Yield the open processes without a workflow, with the time of the reconciler's next run."""
    types = process_types(services)
    recovery, told = Recovery(client, types), None
    for of_type in types:
        for process_id in await of_type.open.page(None, limit, age.total_seconds()):
            name = ProcessName(of_type.kind, process_id)
            lost = None if name.workflow_id in waiting else await recovery.lost(name)
            # Read it again: the process may have been closed meanwhile.
            if lost is None or (found := await of_type.open.read(process_id)) is None:
                continue
            told = told or await next_round(client)
            money = _recorded_risk(of_type, found)
            yield StuckProcess(
                process_id=name.workflow_id,
                cause=Cause.GONE,
                detail=f"its workflow is gone ({lost.cause}); {told[0]}",
                failure=lost.cause,
                since=datetime.now(UTC) - timedelta(seconds=found.age_seconds),
                at_risk=money.amount if money else 0,
                currency=money.currency if money else None,
                **helps(told[1]),
            )
