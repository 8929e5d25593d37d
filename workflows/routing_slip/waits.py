"""The stops at which the workflow itself waits: for an operator's review, or for a point in time."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio import workflow

from temporal_saga import Run
from workflows.commands import refusal

with workflow.unsafe.imports_passed_through():
    from models.activities.slips import AwaitRelease, ManualReview, ReleasedAt, Reviewed
    from models.slips.slip import Review


async def await_review(run: Run[Any], request: ManualReview) -> Reviewed:
    """Wait for an operator's review; raise a refusal when it rejects, or does not come within `within_seconds`."""
    stop, reviews = request.key.rpartition(":")[2], run.subject.reviews
    run.waiting = stop
    run.changed()
    within = timedelta(seconds=request.within_seconds) if request.within_seconds else None
    try:
        await workflow.wait_condition(lambda: stop in reviews, timeout=within, timeout_summary=f"{stop}: in time")
    except asyncio.TimeoutError:  # noqa: UP041 - the name in the SDK's documentation
        raise refusal("ReviewOverdue", f"no review within {request.within_seconds} s") from None
    review: Review = reviews[stop]
    if review.verdict == "reject":
        raise refusal("ReviewRejected", f"{review.actor}: {review.reason}")
    return Reviewed(actor=review.actor, reason=review.reason)


def in_utc(moment: datetime) -> str:
    """Return a moment as text for a summary, such as 2026-11-30 02:13 UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


async def await_release(run: Run[Any], request: AwaitRelease) -> ReleasedAt:
    """Wait until the release time of the articles, if it is in the future."""
    left = request.until - workflow.now()
    if left > timedelta():
        run.waiting = request.key.rpartition(":")[2]
        run.changed()
        await workflow.sleep(left, summary=f"until {in_utc(request.until)}")
    return ReleasedAt(at=request.until)
