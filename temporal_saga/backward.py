"""Compensation: every pending undo runs in reverse order of start; a failed undo waits for an operator.

The pivot is undone first and alone, because its participant decides: when it answers that the effect is final, the
run goes forward again, and nothing else is undone. While its answer is unknown, the other undos wait. In a saga whose
pivot has no undo, the last effect decides.
"""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import TYPE_CHECKING, Any, cast

from temporalio import workflow
from temporalio.exceptions import FailureError

from temporal_saga.calls import call, request_or_none
from temporal_saga.decisions import park, unpark
from temporal_saga.declaration import Call, Kind, Step, side_by_side
from temporal_saga.failures import Failure, FailureClass, classify
from temporal_saga.stopping import leave_if_evicted
from temporal_saga.together import all_ended
from temporal_saga.waiting import settle_unused_events

if TYPE_CHECKING:
    from temporal_saga.run import Run


async def compensate(run: "Run[Any]") -> bool:
    """Run the pending undos and the saga's `close`; return when no effect is open, False when the effects are final."""
    await settle_unused_events(run)
    if await _is_final(run):
        return False
    run.returning = True  # from here on the run can't go forward any more
    run.changed()
    for steps in reversed([*side_by_side(run.pending_undos)]):
        # Parked already: by the first undo, or by a compensation that was itself cancelled.
        await _each(_undo(run, step) for step in reversed(steps) if step.name not in run.parked)
    while run.parked:
        await workflow.wait_condition(lambda: any(parked.decision for parked in run.parked.values()))
        for step, request in _decided(run, run.parked):
            await _undo(run, step, request)
    if run.pending_undos:
        raise RuntimeError(f"{run.process}: an effect would be left open: {run.pending_undos}")
    # The reply is the recorded outcome: a lost workflow task may have recorded "compensated" before the cancel.
    run.closed = await call(run, "close", "close", run.saga.close)
    return True


async def _is_final(run: "Run[Any]") -> bool:
    """Undo what decides, and return whether its participant answers that it is final; then nothing was undone."""
    last = _deciding(run)
    if run.undone or not any(_undo_of(step).policy.settled for step in last):
        return False
    names = [step.name for step in last]
    undos: list[tuple[Step[Any, Any], Any]] = [(step, None) for step in reversed(last) if step.name not in run.parked]
    while True:
        final: dict[str, tuple[Step[Any, Any], Failure, Any]] = {}
        await _each(_undo(run, step, request, final) for step, request in undos)
        if final and not (run.undone or run.parked) and workflow.patched("settled-turns-forward"):
            return True
        for step, failure, request in final.values():
            _park(run, step, failure, request)
        if not _unknown(run, names) or not workflow.patched("undos-wait-for-the-last"):
            return False
        await workflow.wait_condition(lambda: any(run.parked[name].decision for name in _unknown(run, names)))
        undos = _decided(run, _unknown(run, names))


def _deciding(run: "Run[Any]") -> list[Step[Any, Any]]:
    """Return the steps whose undo decides: the pivot, or the last ones when the pivot has no undo."""
    last: list[Step[Any, Any]] = next(reversed([*side_by_side(run.pending_undos)]), [])
    pivot = next((step for step in (*run.begun, *run.ahead) if step.kind is Kind.PIVOT), None)
    return last if pivot is None or pivot.undo is None or pivot in last else []


def _unknown(run: "Run[Any]", names: Iterable[str]) -> list[str]:
    """Return which of these steps are parked because it is unknown whether their undo happened."""
    return [name for name in names if name in run.parked and run.parked[name].failure.kind is FailureClass.UNKNOWN]


def _decided(run: "Run[Any]", names: Iterable[str]) -> list[tuple[Step[Any, Any], Any]]:
    """End the parking of the steps that operators have decided; return those to undo again, with their requests."""
    decided = [run.parked[name] for name in names if run.parked[name].decision]
    for parked in decided:
        unpark(run, parked)
    return [(each.step, each.edited or each.request) for each in decided if each.decision in {"retry", "edit"}]


async def _each(undos: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run the undos of one step or group."""
    together = [*undos]
    if len(together) == 1:
        await together[0]
    else:
        await all_ended(together)


async def _undo(
    run: "Run[Any]",
    step: Step[Any, Any],
    request: Any = None,
    final: dict[str, tuple[Step[Any, Any], Failure, Any]] | None = None,
) -> None:
    """Undo one step; when it fails, add it to `final`, if given, when its effect is final, or else park it."""
    try:
        await call(run, step.name, "undo", _undo_of(step), request)
    except (FailureError, asyncio.CancelledError) as error:
        leave_if_evicted()
        failure = classify(step.name, error)
        if final is not None and failure.type in _undo_of(step).policy.settled:
            final[step.name] = (step, failure, request)
        else:
            _park(run, step, failure, request)
    else:
        run.pending_undos.remove(step)
        run.undone.append(step.name)


def _park(run: "Run[Any]", step: Step[Any, Any], failure: Failure, request: Any) -> None:
    park(run, step, "undo", failure, request or request_or_none(run, step.name, _undo_of(step)))


def _undo_of(step: Step[Any, Any]) -> Call[Any, Any]:
    return cast("Call[Any, Any]", step.undo)  # only steps with an undo are pending
