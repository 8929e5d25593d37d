"""The activities of a trip. Each is idempotent by its key; a refusal is an error that Temporal doesn't retry."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from examples.trip.bookings import Bookings, Refused
from examples.trip.messages import Ask, Booked, Ended

T = TypeVar("T")


class TripActivities:
    """The activities, on the store of the bookings."""

    def __init__(self, bookings: Bookings) -> None:
        self._bookings = bookings

    @activity.defn
    async def book_hotel(self, ask: Ask) -> Booked:
        """Book a room."""
        return Booked(await _run(lambda: self._bookings.book(ask.key, "hotel", ask.name)), activity.info().attempt)

    @activity.defn
    async def cancel_hotel(self, ask: Ask) -> None:
        """Cancel the room of this key; also when none was booked."""
        await _run(lambda: self._bookings.cancel(ask.key, "hotel", ask.name))

    @activity.defn
    async def book_flight(self, ask: Ask) -> Booked:
        """Book a seat."""
        return Booked(await _run(lambda: self._bookings.book(ask.key, "flight", ask.name)), activity.info().attempt)

    @activity.defn
    async def cancel_flight(self, ask: Ask) -> None:
        """Cancel the seat of this key; also when none was booked."""
        await _run(lambda: self._bookings.cancel(ask.key, "flight", ask.name))

    @activity.defn
    async def record_outcome(self, ended: Ended) -> None:
        """Keep the outcome of a trip."""
        await _run(lambda: self._bookings.record(ended.trip, ended.outcome, ended.reason))


async def _run(work: Callable[[], T]) -> T:
    """Run blocking work in a thread; a refusal becomes the failure that the saga takes for one."""
    try:
        return await asyncio.to_thread(work)
    except Refused as refusal:
        raise ApplicationError(
            str(refusal),
            activity.info().attempt,
            type="Refused",
            non_retryable=True,
            category=ApplicationErrorCategory.BENIGN,
        ) from None
