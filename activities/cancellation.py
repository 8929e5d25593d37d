"""The activity with which a workflow that an update cancelled can end as Canceled."""

from temporalio import activity

from models.errors import InvalidInput


@activity.defn
async def request_cancellation() -> None:
    """Request the cancellation of the calling workflow: the server lets no other workflow end as Canceled."""
    info = activity.info()
    if info.workflow_id is None:
        raise InvalidInput("request_cancellation", "is for workflows only")
    await activity.client().get_workflow_handle(info.workflow_id, run_id=info.workflow_run_id).cancel()
