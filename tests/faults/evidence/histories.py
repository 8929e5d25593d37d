"""Reads the workflows of a run from Temporal: their histories, and by replaying these the sagas' own logs.

A replay needs no worker, and proves that the current code still replays the histories that it wrote.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TypeVar

from temporalio.client import Client, WorkflowHistory
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from models.names import (
    ORDER_WORKFLOW,
    RECONCILER_WORKFLOW,
    RECOVERY_WORKFLOW,
    SLIP_RECOVERY_WORKFLOW,
    SLIP_WORKFLOW,
)
from tests.faults.evidence.reading import Reader
from tests.faults.evidence.runs import ObservedProcess, Replay
from tests.faults.invariants.endings import process_of, workflow_of
from workflows.order.workflow import OrderWorkflow
from workflows.recovery.order import RecoverOrderWorkflow
from workflows.recovery.reconciler import ReconcilerWorkflow
from workflows.recovery.slip import RecoverSlipWorkflow
from workflows.routing_slip.workflow import RoutingSlipWorkflow

TYPES = (ORDER_WORKFLOW, RECOVERY_WORKFLOW, RECONCILER_WORKFLOW, SLIP_WORKFLOW, SLIP_RECOVERY_WORKFLOW)
WORKFLOWS = [OrderWorkflow, RecoverOrderWorkflow, ReconcilerWorkflow, RoutingSlipWorkflow, RecoverSlipWorkflow]
T = TypeVar("T")
# Concurrent requests to Temporal.
AT_ONCE = 20


@dataclass(frozen=True)
class ReplayedRun:
    """The ids of one workflow run."""

    workflow_id: str
    run_id: str


async def read_processes(
    client: Client, orders: Collection[str], *, whole: bool
) -> tuple[tuple[ObservedProcess, ...], tuple[Replay, ...]]:
    """Return every run of the orders' workflows and the result of its replay; with `whole`, of all workflows."""
    reader = Reader()
    replayer = Replayer(
        workflows=WORKFLOWS,
        data_converter=client.data_converter,
        interceptors=[reader],
        # Other tests cover the sandbox; with it thousands of histories take minutes to replay.
        workflow_runner=UnsandboxedWorkflowRunner(),
        # Debug mode turns off the deadlock detector: the machine may be busy.
        debug_mode=True,
    )
    runs = await _runs(client, orders, whole=whole)
    processes, replays = [], []
    async with replayer.workflow_replay_iterator(_histories(client, runs, reader)) as results:
        async for result in results:
            run_id, history = reader.reading, result.history
            processes.append(await process_of(client, run_id, history, reader.status, reader.log))
            failed = result.replay_failure
            replays.append(Replay(history.workflow_id, run_id, f"{type(failed).__name__}: {failed}" if failed else ""))
    return tuple(processes), tuple(replays)


async def _histories(client: Client, runs: Sequence[ReplayedRun], reader: Reader) -> AsyncIterator[WorkflowHistory]:
    """Yield the histories one by one; set the reader to each run before its replay."""
    for start in range(0, len(runs), AT_ONCE):
        some = runs[start : start + AT_ONCE]
        handles = [client.get_workflow_handle(run.workflow_id, run_id=run.run_id) for run in some]
        for run, history in zip(some, await asyncio.gather(*(h.fetch_history() for h in handles)), strict=True):
            reader.begin(run.run_id)
            yield history


async def _runs(client: Client, orders: Collection[str], *, whole: bool) -> list[ReplayedRun]:
    """Return every run: those in Temporal's list, which may lag, and the latest one of each workflow id."""
    ids = {workflow_of(order) for order in orders}
    found: set[ReplayedRun] = set()
    if whole:
        found |= await _listed(client, f"WorkflowType IN ({', '.join(map(repr, TYPES))})")
        ids -= {run.workflow_id for run in found}
    else:
        for some in await _each(ids, lambda name: _listed(client, f"WorkflowId = {name!r}")):
            found |= some
    found |= {run for run in await _each(ids, lambda name: _latest(client, name)) if run}
    return sorted(found, key=lambda run: (run.workflow_id, run.run_id))


async def _each(ids: Collection[str], ask: Callable[[str], Awaitable[T]]) -> list[T]:
    """Call `ask` for each id, AT_ONCE at a time."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(name: str) -> T:
        async with gate:
            return await ask(name)

    return await asyncio.gather(*map(one, ids))


async def _listed(client: Client, query: str) -> set[ReplayedRun]:
    return {ReplayedRun(run.id, run.run_id) async for run in client.list_workflows(query)}


async def _latest(client: Client, name: str) -> ReplayedRun | None:
    """Return the latest run of a workflow id; None when there is none, as for a choreographed order."""
    try:
        described = await client.get_workflow_handle(name).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
    return ReplayedRun(described.id, described.run_id)
