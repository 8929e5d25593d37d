"""The stops at which a slip itself waits: for a person's verdict, for a moment."""

import asyncio
from datetime import timedelta
from typing import Any

from temporalio import workflow

from temporal_saga import Run
from workflows.commands import refusal

with workflow.unsafe.imports_passed_through():
    from models.activities.slips import AwaitRelease, ManualReview, ReleasedAt, Reviewed
    from models.slips.slip import Review


async def await_review(run: Run[Any], request: ManualReview) -> Reviewed:
    """Wait for a person's verdict; a no, or none in time, is a refusal."""
    stop, reviews = request.key.rpartition(":")[2], run.subject.reviews
    run.waiting = stop
    run.changed()
    within = timedelta(seconds=request.within_seconds) if request.within_seconds else None
    try:
        await workflow.wait_condition(lambda: stop in reviews, timeout=within, timeout_summary=f"{stop}: in time")
    except asyncio.TimeoutError:  # noqa: UP041 - what the SDK raises, by the name of its documentation
        raise refusal("ReviewOverdue", f"nobody decided within {request.within_seconds} s") from None
    verdict: Review = reviews[stop]
    if verdict.verdict == "reject":
        raise refusal("ReviewRejected", f"{verdict.actor}: {verdict.reason}")
    return Reviewed(actor=verdict.actor, reason=verdict.reason)


async def await_release(run: Run[Any], request: AwaitRelease) -> ReleasedAt:
    """Wait until the articles may be sold."""
    left = request.until - workflow.now()
    if left > timedelta():
        run.waiting = request.key.rpartition(":")[2]
        run.changed()
        await workflow.sleep(left, summary=f"until {request.until:%Y-%m-%d %H:%M} UTC")
    return ReleasedAt(at=request.until)
