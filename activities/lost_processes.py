"""Recovery of processes whose workflow is lost: a recovery workflow starts under the process's own workflow id.

The recovery also decides whether a process that never started starts as if it were new, because only a workflow can
ask the services, and can wait for one that is away.

Temporal runs at most one workflow per id. So the recovery of a process with a running workflow can't start, and of
several concurrent recoveries exactly one starts.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from temporalio.client import Client, WorkflowExecutionStatus, WorkflowFailureError, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from activities.finished_runs import refuse_completed
from activities.process_types import ProcessType
from models.dead_letters import DeadLetter
from models.errors import Final, Unavailable
from models.names import TASK_QUEUE, ProcessName, name_of_workflow
from models.recovery import RecoverProcess

CHANNEL = "recovery"
# Temporal's answer is the same in both cases.
NEVER_OR_DELETED = "never started, or deleted"
Recovered = Literal["alive", "closed", "recovering"]
ENDED = {
    WorkflowExecutionStatus.COMPLETED,
    WorkflowExecutionStatus.FAILED,
    WorkflowExecutionStatus.CANCELED,
    WorkflowExecutionStatus.TERMINATED,
    WorkflowExecutionStatus.TIMED_OUT,
    # Of the newest run of an id only if the run that follows it is gone.
    WorkflowExecutionStatus.CONTINUED_AS_NEW,
}
SECONDS_TO_RECOVER = 30.0


@dataclass(frozen=True)
class Lost:
    """How a workflow was lost, and its last run; None when Temporal has no run."""

    cause: str
    run_id: str | None = None


class Recovery:
    """Detects lost processes, and starts their recovery."""

    def __init__(self, client: Client, types: Iterable[ProcessType]) -> None:
        self._client, self._types = client, {each.kind: each for each in types}

    async def lost(self, name: ProcessName) -> Lost | None:
        """Return how the workflow of a process was lost, None while it runs; raise RPCError."""
        try:
            described = await self._client.get_workflow_handle(name.workflow_id).describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return Lost(NEVER_OR_DELETED)
            raise
        return Lost(described.status.name.lower(), described.run_id) if described.status in ENDED else None

    async def recover(self, name: ProcessName) -> Recovered:
        """Start the recovery of a process if it is lost, and return the state of the process then.

        Raises Final if the stored body is invalid or the workflow completed, Unavailable, and RPCError.
        """
        lost = await self.lost(name)
        if lost is None:
            return "alive"
        of_type = self._types[name.kind]
        # Read after the check: the workflow may have closed the process and ended since then.
        found = await of_type.open.read(name.id)
        if found is None:
            return "closed"
        refuse_completed(name.workflow_id, lost.cause)
        of_type.body_of(found)  # the recovery would fail in the same way
        started = await self._start(of_type.recovery, RecoverProcess(process_id=name.id, run_id=lost.run_id), name)
        return "recovering" if started else "alive"

    async def _start(self, kind: str, task: RecoverProcess, name: ProcessName) -> bool:
        """Start a recovery under the process's id; return False when another workflow was first."""
        try:
            await self._client.start_workflow(
                kind,
                task,
                id=name.workflow_id,
                task_queue=TASK_QUEUE,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                static_summary=f"recover a lost {name.kind}",
            )
        except WorkflowAlreadyStartedError:
            return False
        return True


class RecoveryRedriver:
    """Repeats the recovery of a process whose recovery failed."""

    def __init__(self, client: Client, recovery: Recovery) -> None:
        self._client, self._recovery = client, recovery

    async def redrive(self, letter: DeadLetter) -> bool:
        """Start the recovery and wait up to SECONDS_TO_RECOVER for its end; raise Unavailable when it fails again.

        Return False when it has not ended by then. Raises Final when the letter names no process.
        """
        if letter.process_id is None:
            raise Final(f"{letter.message_id}: the letter names no process")
        if await self._recovery.recover(name_of_workflow(letter.process_id)) == "closed":
            return True
        handle: WorkflowHandle[object, object] = self._client.get_workflow_handle(letter.process_id)
        try:
            async with asyncio.timeout(SECONDS_TO_RECOVER):
                await handle.result()
        except TimeoutError:
            # The recovery continues; if it fails, its dead letter opens again.
            return False
        except WorkflowFailureError as error:
            if isinstance(error.cause, ApplicationError) and error.cause.type == "RecoveryFailed":
                raise Unavailable(error.cause.message) from error
        return True

    async def discard(self, letter: DeadLetter, unit: object) -> None:
        """Do nothing: the process stays open, and the reconciler checks it again."""
