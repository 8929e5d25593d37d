"""The activities of a recovery. They believe nothing of its input: each reads the database and Temporal itself.

What the services know of the process, the recovery asks each of them.

The process is the one whose workflow calls. So a call from elsewhere, or for a process whose own workflow runs, is
refused: Temporal runs one workflow for an id at a time, and that workflow must be a recovery.
"""

from collections.abc import Sequence

from temporalio import activity

from activities.last_run import LastRun, last_run
from activities.lost_processes import NEVER_OR_DELETED
from activities.lost_slips import asked_for, begun_stops, planned_stops, settling
from activities.process_types import OrderType, ProcessType, SlipType, revisions_of
from activities.recovery import DeadLetterChannel, failed_recovery
from models.activities.base import Closed
from models.errors import Conflict, Final, NotFound
from models.names import ProcessKind, ProcessName, name_of_workflow
from models.recovery import FailedRecovery, LostOrder, LostSlip, OpenProcess, RecoverProcess

# An accepted process that never started is started only while its customer may still expect that.
YOUNG_SECONDS = 3600.0


class RecoveringActivities:
    """Activities that read a lost process for its recovery, and that report a recovery that failed.

    `apart` is as in OrderActivities.
    """

    def __init__(
        self, orders: OrderType, slips: SlipType, letters: DeadLetterChannel, apart: Sequence[str] = ()
    ) -> None:
        self._orders, self._slips, self._letters, self._apart = orders, slips, letters, tuple(apart)

    @activity.defn
    async def read_lost_order(self, task: RecoverProcess) -> LostOrder | Closed:
        """Return the order of the calling recovery, or its outcome if it is closed.

        Raises NotFound when no such order was accepted, Final when it, or the history of an earlier run, can't be read,
        Unavailable, RPCError.
        """
        name = _caller(self._orders, task)
        found = await _open(self._orders, name)
        if isinstance(found, Closed):
            return found
        if found.total is None:
            raise Final(f"the stored {name} has no price")
        left = await _left(name, task)
        return LostOrder(
            order=self._orders.body_of(found),
            total=found.total,
            cause=left.cause,
            resolved=left.resolved,
            event=left.event,
            apart=self._apart,
            fresh_seconds=_fresh_seconds(found, left),
        )

    @activity.defn
    async def read_lost_slip(self, task: RecoverProcess) -> LostSlip | Closed:
        """Return the slip of the calling recovery, or its outcome if it is closed; raise as `read_lost_order`."""
        name = _caller(self._slips, task)
        found = await _open(self._slips, name)
        if isinstance(found, Closed):
            return found
        slip, left = self._slips.body_of(found), await _left(name, task)
        settles, reason = settling(left.begun, left.ended_early)
        revisions, begun = revisions_of(found), begun_stops(left.begun)
        return LostSlip(
            slip=slip,
            body_hash=found.body_hash,
            cause=left.cause,
            begun=begun,
            planned=planned_stops(slip, revisions),
            asks=asked_for(slip, revisions, begun),
            resolved=left.resolved,
            settles=settles,
            reason=reason,
            apart=self._apart,
            # A slip with a recorded revision did run.
            fresh_seconds=0.0 if revisions else _fresh_seconds(found, left),
        )

    @activity.defn
    async def record_failed_recovery(self, failed: FailedRecovery) -> int | None:
        """Record the failed recovery of the calling workflow as a dead letter, and return its number.

        Return None when the process isn't open. Raises Conflict when the caller is no recovery.
        """
        caller = name_of_workflow(activity.info().workflow_id or "")
        of_type: ProcessType = self._orders if caller.kind is ProcessKind.ORDER else self._slips
        name = _caller(of_type, None)
        found = await of_type.open.read(name.id)
        if found is None:
            return None
        dead = failed_recovery(
            of_type, name, found, "RecoveryFailed", failed.cause, attempts=failed.attempts, at_risk=failed.at_risk
        )
        return await self._letters.record(dead)


def _caller(of_type: ProcessType, task: RecoverProcess | None) -> ProcessName:
    """Return the process whose recovery calls this activity; raise Conflict when the caller is another one."""
    info = activity.info()
    name = name_of_workflow(info.workflow_id or "")
    if info.workflow_type != of_type.recovery or name.workflow_id != info.workflow_id:
        raise Conflict(f"{info.activity_type}: only a recovery under the process's own workflow id may call it")
    if task is not None and task.process_id != name.id:
        raise Conflict(f"process_id: is not {name.id}, which the workflow {info.workflow_id} recovers")
    return name


async def _open(of_type: ProcessType, name: ProcessName) -> OpenProcess | Closed:
    """Return an open process, or the outcome of a closed one; raise NotFound."""
    outcome = await of_type.open.outcome(name.id)
    if outcome:
        return Closed(outcome=outcome[0], reason=outcome[1])
    found = await of_type.open.read(name.id)
    if found is None:
        raise NotFound(f"there is no open {name} that a workflow runs")
    return found


async def _left(name: ProcessName, task: RecoverProcess) -> LastRun:
    info = activity.info()
    left = await last_run(
        activity.client(),
        name.workflow_id,
        name.process,
        but=info.workflow_run_id or "",
        hint=task.run_id,
        never=NEVER_OR_DELETED,
    )
    if left.completed:
        raise Final(f"the workflow of the open {name} has completed; a completed process is never undone")
    return left


def _fresh_seconds(found: OpenProcess, left: LastRun) -> float:
    """Return for how long a process may still start as if it were new, 0 when it ran."""
    return 0.0 if left.ran else max(0.0, YOUNG_SECONDS - found.age_seconds)
