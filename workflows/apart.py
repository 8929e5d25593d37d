"""Where the activities of a service apart run: on its own task queue, and never inside a workflow task."""

from collections.abc import Sequence
from typing import Any

from temporalio import workflow
from temporalio.worker import (
    Interceptor,
    StartActivityInput,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)

from temporal_saga import Call

with workflow.unsafe.imports_passed_through():
    from models.participants import service_of


class RoutingInterceptor(Interceptor):
    """Sends the activities of the services in `apart` to the task queues of their names.

    A replay doesn't compare task queues, so the worker's setting may change while orders run.
    """

    def __init__(self, apart: Sequence[str]) -> None:
        self._apart = frozenset(apart)

    def workflow_interceptor_class(
        self,
        input: WorkflowInterceptorClassInput,  # noqa: A002, ARG002 - the SDK's signature
    ) -> type[WorkflowInboundInterceptor]:
        """Return the class of the interceptor of one workflow."""
        apart = self._apart

        class Inbound(WorkflowInboundInterceptor):
            def init(self, outbound: WorkflowOutboundInterceptor) -> None:
                super().init(_Outbound(outbound, apart))

        return Inbound


class _Outbound(WorkflowOutboundInterceptor):
    def __init__(self, inner: WorkflowOutboundInterceptor, apart: frozenset[str]) -> None:
        super().__init__(inner)
        self._apart = apart

    def start_activity(self, input: StartActivityInput) -> "workflow.ActivityHandle[Any]":  # noqa: A002 - the SDK's name
        if (service := service_of(input.activity)) in self._apart:
            input.task_queue = service
        return super().start_activity(input)


def may_be_local(made: Call[Any, Any], apart: Sequence[str] | None) -> bool:
    """Return whether a call may first be tried inside the workflow task: its service is not in `apart`.

    `apart` comes from a recorded reply, so that a replay decides the same; None is a reply of an older worker.
    """
    return service_of(made.activity.__name__) not in (apart or ())
