"""Activity calls: each is a line of the run's history; an express call is tried inside the workflow task first."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy
from temporalio.exceptions import FailureError, is_cancelled_exception

from temporal_saga.declaration import Call, InWorkflow
from temporal_saga.failures import DATA_ERRORS, FailureClass, classify, never_began, of_data
from temporal_saga.history import Direction, Execution

if TYPE_CHECKING:
    from temporal_saga.run import Run

A = TypeVar("A")
# The retry policy of a single attempt.
ONCE = RetryPolicy(maximum_attempts=1)
# In every task queue, whatever brings a started process to its end comes before new work.
URGENT: frozenset[Direction] = frozenset({"undo", "probe", "settle", "close"})
FIRST, AS_USUAL = Priority(priority_key=1), Priority.default
FIRST_PAUSE = timedelta(seconds=1)


async def call(run: "Run[Any]", step: str, direction: Direction, made: Call[Any, A], request: Any = None) -> A:
    """Run one activity to its end, record it in the history and return its reply; raise FailureError.

    Without a `request`, the call's own is made; when the data don't allow that, the call is refused and never begins.
    """
    line = run.history.begin(step, direction, summary_of(run, step, direction, made))
    run.changed()
    try:
        if request is None:
            request = from_data(lambda: made.request(run, run.key(step)), begun=False)
        line.result = await _answered(run, made, request, line)
        line.status, line.error = "completed", None
    except (FailureError, asyncio.CancelledError) as error:
        failure = classify(step, error)
        line.status, line.error = failure.kind, failure.text
        line.attempt += failure.attempt or (made.policy.attempts if failure.type == "Timeout" else 1)
        end_line(run, line)
        raise
    attempt = getattr(line.result, "attempt", 1)
    line.attempt += attempt if isinstance(attempt, int) else 1
    end_line(run, line)
    answer: A = line.result
    return answer


def from_data(build: Callable[[], A], *, begun: bool = True) -> A:
    """Return what `build` makes of data; raise FailureError when it can't, a refusal unless `begun`."""
    try:
        return build()
    except DATA_ERRORS as error:
        raise of_data(error, begun=begun) from None


def request_or_none(run: "Run[Any]", step: str, made: Call[Any, Any]) -> Any:
    """Return the request of a call, None when the data allow none."""
    try:
        return made.request(run, run.key(step))
    except DATA_ERRORS:
        return None


def summary_of(run: "Run[Any]", step: str, direction: str, made: Call[Any, Any]) -> str:
    """Return the text of a call in the Web UI, a plain one when the data don't allow the call's own."""
    try:
        return made.summary(run)
    except DATA_ERRORS:
        return f"{direction} {step}"


def end_line(run: "Run[Any]", line: Execution) -> None:
    """Mark a line as ended.

    Never call it in a `finally`: a worker that evicts the workflow from its cache runs those blocks, and
    `workflow.now()` is not available there.
    """
    line.completed_at = workflow.now()
    if run.waiting == line.step:  # another step of its group may still wait
        run.waiting = ""
    run.changed()


async def _answered(run: "Run[Any]", made: Call[Any, A], request: Any, line: Execution) -> A:
    """Return the reply of a call, which is repeated with all its attempts while they end without having begun.

    An earlier attempt of the same round may have begun, and its effect may have happened: the repetition is right in
    that case, too, because it has the same key.
    """
    line.attempt, pause, express = 0, FIRST_PAUSE, made.policy.express or run.express
    if isinstance(made, InWorkflow):
        try:
            answer: A = await made.activity(run, request)
        except DATA_ERRORS as error:
            raise of_data(error) from None
        return answer
    priority = FIRST if line.direction in URGENT else AS_USUAL
    if express and not run.local(made):
        express = None
    while True:
        try:
            return await run_activity(made, request, line.summary, express, priority, pause)
        except FailureError as error:
            failure = classify(line.step, error)
            if not never_began(failure, made.policy.not_begun) or is_cancelled_exception(error):
                raise
            line.attempt += failure.attempt if failure.type in made.policy.not_begun else made.policy.attempts
            line.error, express = f"not begun, and tried again: {failure.text}", None
        run.changed()
        await workflow.sleep(pause, summary=f"{line.step}: try again, since nothing was begun")
        pause = min(2 * pause, made.policy.longest_delay)


async def run_activity(
    made: Call[Any, A],
    request: Any,
    summary: str,
    express: timedelta | None,
    priority: Priority = AS_USUAL,
    first_pause: timedelta = FIRST_PAUSE,
) -> A:
    """Run an activity and return its reply; raise FailureError.

    With `express`, one local attempt of that length comes first. Unless it succeeds, is refused or is cancelled, the
    activity then runs on the task queue. `first_pause` is the pause after its first attempt.
    """
    policy = made.policy
    if express:
        quick: list[A] = await _at_once(made, request, summary, express)
        if quick:
            return quick[0]
    answer: A = await workflow.execute_activity(
        made.activity,
        request,
        start_to_close_timeout=policy.timeout,
        heartbeat_timeout=policy.heartbeat,
        retry_policy=policy.retries(first_pause),
        # A cancelled do ends before its undo starts; tombstones stop a do whose worker is unreachable.
        cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        summary=summary,
        priority=priority,
    )
    return answer


async def _at_once(made: Call[Any, A], request: Any, summary: str, express: timedelta) -> list[A]:
    """Try a call once in the workflow task; return its reply, or nothing to try it again; raise a refusal."""
    try:
        reply = await workflow.execute_local_activity(
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
        return []
    return [reply]


async def landed(run: "Run[Any]", step: Any) -> bool:
    """Return whether the step's probe found its effect, and keep the answer; without a probe return False."""
    if step.probe is None:
        return False
    try:
        answer = await call(run, step.name, "probe", step.probe)
    except FailureError:
        return False  # still unknown: the undo, by key, is right in both cases
    if answer is not None:
        run.answers[step.name] = answer
    return answer is not None
