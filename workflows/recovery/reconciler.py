"""The reconciler: finds open processes whose workflow is lost and recovers them. A Temporal Schedule runs it."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.recovery import RecoveryActivities
    from models.names import RECONCILER_WORKFLOW
    from models.recovery import Reconcile, Reconciled

# After so many pages the workflow continues as new, which bounds its history.
PAGES_A_RUN = 20
A_PAGE = timedelta(seconds=60)
HEARTBEAT = timedelta(seconds=10)
# A round that fails is repeated by the next period of the schedule.
RETRIES = RetryPolicy(maximum_attempts=5)


@workflow.defn(name=RECONCILER_WORKFLOW)
class ReconcilerWorkflow:
    """Check every open order and slip once, page by page, recover the lost ones, and see to unsent alerts."""

    @workflow.run
    async def run(self, task: Reconcile) -> Reconciled:
        """Return the counts of the whole round, over all runs that it continued as new."""
        total = task.so_far
        for _ in range(PAGES_A_RUN):
            page = await workflow.execute_activity_method(
                RecoveryActivities.recover_page,
                task.model_copy(update={"after": total.next or task.after}),
                start_to_close_timeout=A_PAGE,
                heartbeat_timeout=HEARTBEAT,
                retry_policy=RETRIES,
                summary="recover lost processes",
            )
            total = total.plus(page)
            workflow.set_current_details(_details(total))
            if total.next is None:
                break
        else:
            workflow.continue_as_new(task.model_copy(update={"so_far": total}))
        return total.plus(Reconciled(alerts_given_up=await _given_up(task)))


async def _given_up(task: Reconcile) -> int:
    return await workflow.execute_activity_method(
        RecoveryActivities.give_up_alerts,
        task,
        start_to_close_timeout=A_PAGE,
        retry_policy=RETRIES,
        summary="give up alerts that reach nobody",
    )


def _details(total: Reconciled) -> str:
    return (
        f"looked at **{total.looked_at}** open processes: {total.recovering} recovering, {total.dead} for a person, "
        f"{total.failed} to be examined again"
    )
