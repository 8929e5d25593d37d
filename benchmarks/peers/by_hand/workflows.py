"""The saga: each undo remembered before its do, and run in reverse when a step fails."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from shared import Order

    from activities import OrderActivities

TIMEOUT = timedelta(seconds=5)
RETRY = RetryPolicy(maximum_attempts=3, maximum_interval=timedelta(seconds=2))


@workflow.defn
class OrderWorkflow:
    """Reserve, charge and ship."""

    @workflow.run
    async def run(self, order: Order) -> str:
        """Return how the order ended: completed, or undone."""
        undos = []
        try:
            undos.append(OrderActivities.release)
            await workflow.execute_activity_method(
                OrderActivities.reserve, order, start_to_close_timeout=TIMEOUT, retry_policy=RETRY
            )
            undos.append(OrderActivities.refund)
            await workflow.execute_activity_method(
                OrderActivities.charge, order, start_to_close_timeout=TIMEOUT, retry_policy=RETRY
            )
            await workflow.execute_activity_method(
                OrderActivities.ship, order, start_to_close_timeout=TIMEOUT, retry_policy=RETRY
            )
        except ActivityError:
            for undo in reversed(undos):
                await workflow.execute_activity_method(undo, order, start_to_close_timeout=TIMEOUT)
            return "undone"
        return "completed"
