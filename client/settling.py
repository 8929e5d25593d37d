"""What came of a command: the state of a process once it stands still, or after some seconds."""

import asyncio
import time
from datetime import timedelta
from functools import partial

from temporalio.service import RPCError

from client.handles import Handle
from client.outages import Outages, is_outage
from client.progress import PATIENCE, STANDS_STILL, state_of
from models.process import ProcessState, Status, StepExecution

PAUSE = 0.1


async def settled(
    handle: Handle, seconds: float, step: str | None = None, outages: Outages | None = None
) -> ProcessState | None:
    """Return the state once the process has ended or waits again, else its state after `seconds`.

    With `step`, the step that was decided on: a process that waits for other decisions stands still only when this one
    has taken effect. None when no worker answers, or Temporal does not: the decision itself was taken before.
    """
    until, state, patient = time.monotonic() + seconds, None, (outages or Outages()).within(seconds)
    while True:
        left = until - time.monotonic()
        look = partial(state_of, handle, min(PATIENCE, timedelta(seconds=max(left, PAUSE))))
        try:
            found = await patient.outlast(look)
        except RPCError as error:
            if not is_outage(error):
                raise
            return state
        state = found or state
        if left <= 0 or (found is not None and stands_still(found, step)):
            return state
        await asyncio.sleep(min(PAUSE, left))


def stands_still(state: ProcessState, step: str | None = None) -> bool:
    """Return whether a process has ended, or waits, and no decision on `step` is still on its way."""
    if state.status.final:
        return True
    return state.status in STANDS_STILL and (step is None or decision_done(state, step))


def parked_at(state: ProcessState, step: str) -> StepExecution | None:
    """Return the line of a step that waits for an operator, None when it doesn't."""
    if state.status is not Status.NEEDS_ATTENTION:
        return None
    return next((line for line in reversed(state.history) if line.step == step and line.status == "parked"), None)


def decision_done(state: ProcessState, step: str) -> bool:
    """Return whether the last decision on a step has been carried out."""
    if state.status.final:
        return True
    lines = [line for line in state.history if line.step == step]
    decided = max((number for number, line in enumerate(lines) if line.direction == "resolve"), default=-1)
    parked = any(line.status == "parked" for line in lines[: max(decided, 0)])
    return not parked and not any(line.status == "pending" for line in lines)
