"""Reads the log of a saga while its history is replayed."""

from typing import Any

from temporalio import workflow
from temporalio.worker import (
    ExecuteWorkflowInput,
    Interceptor,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)

from temporal_saga import Execution, Run
from tests.faults.evidence.runs import LogLine


class Reader(Interceptor):
    """Reads the log and status of the replayed saga as of the last event of its history."""

    def __init__(self) -> None:
        self.begin("")

    def begin(self, run_id: str) -> None:
        """Reset for the next run."""
        self.reading = run_id
        self.log: tuple[LogLine, ...] = ()
        self.status: str | None = None

    def workflow_interceptor_class(
        self,
        input: WorkflowInterceptorClassInput,  # noqa: A002 - the SDK's name
    ) -> type[WorkflowInboundInterceptor] | None:
        reader = self

        class Reading(WorkflowInboundInterceptor):
            async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:  # noqa: A002 - the SDK's name
                reader.follow(workflow.instance())
                return await super().execute_workflow(input)

        return Reading

    def follow(self, instance: Any) -> None:
        """Copy the saga's log and status after each of its changes."""
        run, this = getattr(instance, "_run", None), workflow._Runtime.current()
        if not isinstance(run, Run):
            return
        changed = run.changed

        def read() -> None:
            changed()
            # Changes during the eviction of the replayed workflow never happened in the real run.
            if not vars(this)["_deleting"]:
                self.log, self.status = tuple(_line(line) for line in run.history), run.status

        run.changed = read


def _line(line: Execution) -> LogLine:
    return LogLine(
        step=line.step,
        direction=line.direction,
        status=str(line.status),
        attempt=line.attempt,
        started_at=line.started_at.timestamp(),
        completed_at=line.completed_at.timestamp() if line.completed_at else None,
        summary=line.summary,
        error=line.error,
        result=line.result if line.direction == "resolve" else None,
    )
