"""An alert is sent again by a worker, with the worker's notifiers, when an operator redrives its dead letter."""

from datetime import timedelta

from temporalio import workflow

from temporal_saga import ONCE

with workflow.unsafe.imports_passed_through():
    from activities.operators import OperatorActivities
    from models.attempts import ATTEMPT
    from models.names import ALERT_WORKFLOW
    from models.recovery import SendAlert

SECONDS = timedelta(seconds=25)


@workflow.defn(name=ALERT_WORKFLOW)
class SendAlertWorkflow:
    """Send one alert again, once."""

    @workflow.run
    async def run(self, task: SendAlert) -> None:
        """Return when every notifier has accepted the alert; fail with the error of the first that did not."""
        await workflow.execute_activity_method(
            OperatorActivities.send_alert,
            task,
            start_to_close_timeout=ATTEMPT,
            schedule_to_close_timeout=SECONDS,
            retry_policy=ONCE,
            summary="send an alert again",
        )
