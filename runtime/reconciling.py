"""The Temporal Schedule that runs the reconciler."""

from datetime import timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)

from models.names import RECONCILER_SCHEDULE, RECONCILER_WORKFLOW, TASK_QUEUE
from models.recovery import Reconcile


async def schedule_reconciler(client: Client, every_seconds: int) -> None:
    """Create the reconciler's schedule, or update its period; a paused schedule stays paused."""
    schedule = _schedule(every_seconds)
    try:
        await client.create_schedule(RECONCILER_SCHEDULE, schedule, trigger_immediately=True)
    except ScheduleAlreadyRunningError:
        handle = client.get_schedule_handle(RECONCILER_SCHEDULE)

        def renewed(known: ScheduleUpdateInput) -> ScheduleUpdate:
            schedule.state = known.description.schedule.state
            return ScheduleUpdate(schedule)

        await handle.update(renewed)


def _schedule(every_seconds: int) -> Schedule:
    action = ScheduleActionStartWorkflow(
        RECONCILER_WORKFLOW,
        Reconcile(),
        id=RECONCILER_SCHEDULE,
        task_queue=TASK_QUEUE,
        static_summary="finds orders whose workflow is gone",
    )
    return Schedule(
        action=action,
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(seconds=every_seconds))]),
        # Runs missed during a server outage need no catch-up: the next run checks all open orders.
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=timedelta(seconds=10)),
    )
