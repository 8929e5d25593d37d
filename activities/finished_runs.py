"""Processes whose workflow completed, although the database has them as open."""

from temporalio.client import WorkflowExecutionStatus

from models.errors import Final

_COMPLETED = WorkflowExecutionStatus.COMPLETED.name.lower()


class RunCompleted(Final):
    """The workflow completed, so its effects are final; the database is older than the workflow."""


def refuse_completed(workflow_id: str, cause: str) -> None:
    """Raise RunCompleted when `cause`, the status of the process's last workflow, is that it completed.

    A workflow closes its process in the database before it completes. So the database was restored from a backup, or is
    another one, and an undo would take back what the customer has paid and received.
    """
    if cause == _COMPLETED:
        repeat = f"temporal workflow reset --workflow-id {workflow_id} --type FirstWorkflowTask --reason TEXT"
        raise RunCompleted(
            "its workflow completed, but it is open in the database, as after a restore from a backup; it is "
            f"not undone. To repeat its steps under the same keys: {repeat}; then redrive this letter"
        )
