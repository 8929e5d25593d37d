"""Activity calls: each is a line of the run's history; an express call is tried inside the workflow task first."""

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import FailureError, is_cancelled_exception

from temporal_saga.declaration import Call, InWorkflow
from temporal_saga.failures import FailureClass, classify
from temporal_saga.history import Direction, Execution

if TYPE_CHECKING:
    from temporal_saga.run import Run

A = TypeVar("A")
# The retry policy of a single attempt.
ONCE = RetryPolicy(maximum_attempts=1)


async def call(run: "Run[Any]", step: str, direction: Direction, made: Call[Any, A], request: Any) -> A:
    """Run one activity to its end, record it in the history and return its reply; raise what the activity raised."""
    line = run.history.begin(step, direction, made.summary(run))
    run.changed()
    try:
        if isinstance(made, InWorkflow):
            line.result = await made.activity(run, request)
        else:
            express = made.policy.express or run.express
            line.result = await run_activity(made, request, line.summary, express)
        line.status, line.attempt = "completed", getattr(line.result, "attempt", 1)
    except (FailureError, asyncio.CancelledError) as error:
        failure = classify(step, error)
        line.status, line.error = failure.kind, failure.text
        line.attempt = failure.attempt or (made.policy.attempts if failure.type == "Timeout" else 1)
        end_line(run, line)
        raise
    end_line(run, line)
    answer: A = line.result
    return answer


def end_line(run: "Run[Any]", line: Execution) -> None:
    """Mark a line as ended.

    Never call it in a `finally`: a worker that evicts the workflow from its cache runs those blocks, and
    `workflow.now()` is not available there.
    """
    run.waiting, line.completed_at = "", workflow.now()
    run.changed()


async def run_activity(made: Call[Any, A], request: Any, summary: str, express: timedelta | None) -> A:
    """Run an activity and return its reply; raise FailureError.

    With `express`, one local attempt of that length comes first. Unless it succeeds, is refused or is cancelled, the
    activity then runs on the task queue.
    """
    policy = made.policy
    if express:
        try:
            quick: A = await workflow.execute_local_activity(
                made.activity,
                request,
                start_to_close_timeout=express,
                retry_policy=ONCE,
                cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
                summary=summary,
            )
        except FailureError as error:
            if classify("", error).kind is FailureClass.REFUSED or is_cancelled_exception(error):
                raise
        else:
            return quick
    answer: A = await workflow.execute_activity(
        made.activity,
        request,
        start_to_close_timeout=policy.timeout,
        heartbeat_timeout=policy.heartbeat,
        retry_policy=policy.retries(),
        # A cancelled do ends before its undo starts; tombstones stop a do whose worker is unreachable.
        cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        summary=summary,
    )
    return answer


async def landed(run: "Run[Any]", step: Any) -> bool:
    """Return whether the step's probe found its effect, and keep the answer; without a probe return False."""
    if step.probe is None:
        return False
    try:
        request = step.probe.request(run, run.key(step.name))
        answer = await call(run, step.name, "probe", step.probe, request)
    except FailureError:
        return False  # still unknown: the undo, by key, is right in both cases
    if answer is not None:
        run.answers[step.name] = answer
    return answer is not None
