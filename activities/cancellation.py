"""How a workflow that was cancelled by an update comes to end as Canceled."""

from temporalio import activity


@activity.defn
async def request_cancellation() -> None:
    """Have Temporal cancel the calling workflow: only one that the server knows as cancelled may end as Canceled."""
    info = activity.info()
    await activity.client().get_workflow_handle(info.workflow_id or "", run_id=info.workflow_run_id).cancel()
