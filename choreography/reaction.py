"""A reaction: a service receives an event, performs its effect, and returns the event that follows."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from models.activities.orders import REASON_AT_MOST
from models.attempts import ATTEMPT, DO_ATTEMPTS
from models.choreography import EventData, EventType
from models.errors import AlreadySettled, AlreadyUndone, NotBegun, OrderError, Unavailable
from models.problems import shown
from postgres.connection import begun
from postgres.database import Database
from postgres.unit_of_work import unit_of_work

# The limit of one call to a provider, so that a do, a probe and an undo fit into one attempt of a delivery.
ANSWER = 0.8 * ATTEMPT


class AlreadyDecided(Exception):
    """A concurrent attempt of the same delivery has decided."""


class TooLate(Exception):
    """The process has ended, so nothing follows this event."""


class NothingBegun(Exception):
    """A dependency was away before the reaction began anything; `error` says which, and the attempt doesn't count."""

    def __init__(self, error: NotBegun) -> None:
        super().__init__(str(error))
        self.error = error


class AttemptsExhausted(OrderError):
    """Every attempt of an effect failed, and the effect was undone; `error` is that of the last attempt."""

    def __init__(self, error: Unavailable) -> None:
        super().__init__(str(error))
        self.error = error


S = TypeVar("S")
T = TypeVar("T")


@dataclass(frozen=True)
class Delivery(Generic[S]):
    """One delivery of an event to one service: the event's data, and the number of the attempt, 1-based.

    `service` works in the transaction `unit`, which also records that the event was consumed and appends
    the next event; `outside` is the same service without a transaction, `within` returns it in another one. `db` is its
    database. `decided`: database or transaction → whether another attempt has consumed the event.
    """

    data: EventData
    attempt: int
    unit: Database
    db: Database
    service: S
    outside: S
    within: Callable[[Database], S]
    decided: Callable[[Database], Awaitable[bool]]


Reply = tuple[EventType, EventData]
Reaction = Callable[[Delivery[S]], Awaitable[Reply]]


async def within_time_limit(call: Awaitable[T], seconds: float = ANSWER.total_seconds()) -> T:
    """Return the answer of a provider or another call; raise Unavailable after `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            return await call
    except TimeoutError:
        raise Unavailable(f"no answer in {seconds:.0f} s") from None


async def do_or_undo(
    delivery: Delivery[S],
    *,
    do: Callable[[], Awaitable[T]],
    find: Callable[[], Awaitable[T | None]],
    stop: Callable[[S], Awaitable[None]],
    undo: Callable[[], Awaitable[object]],
) -> T:
    """Return the answer of `do`; raise Unavailable to request redelivery, and the refusals of `do`.

    After the last attempt, `find` looks the effect up. If it is not found, `stop` and `undo` run, and AttemptsExhausted
    is raised.
    """
    last = Unavailable("every attempt failed")
    if delivery.attempt <= DO_ATTEMPTS:
        try:
            return await within_time_limit(do())
        except Unavailable as error:
            if delivery.attempt < DO_ATTEMPTS or isinstance(error, NotBegun):
                raise
            last = error
    with begun():  # by an earlier attempt
        if (found := await _landed(find())) is not None:
            return found
        await _give_up(delivery, stop)
        await undo()
    raise AttemptsExhausted(last)


async def _landed(probe: Awaitable[T | None]) -> T | None:
    """Return the answer of an effect that happened, None for any other and when the probe fails.

    The caller then undoes the effect. The undo works by key, so it is right whether or not the effect happened.
    """
    try:
        return await within_time_limit(probe)
    except (Unavailable, AlreadyUndone):
        return None


async def _give_up(delivery: Delivery[S], stop: Callable[[S], Awaitable[None]]) -> None:
    """Let `stop` write the receipt that refuses the effect; raise AlreadyDecided if another attempt used the effect.

    A paused attempt and its successor may disagree whether the effect happened. Both write the receipt of the same key,
    so one waits for the other: either the other attempt is refused the effect, or its consumption is visible here.
    """
    async with unit_of_work(delivery.db) as alone:
        try:
            await stop(delivery.within(alone))
        except AlreadySettled as settled:
            raise AlreadyDecided from settled
        if await delivery.decided(alone):
            raise AlreadyDecided


def with_reason(data: EventData, step: str, error: OrderError) -> EventData:
    """Return the data with the reason why the order goes back: `step: error type: message`."""
    cause = error.error if isinstance(error, AttemptsExhausted) else error
    return data.model_copy(update={"reason": shown(f"{step}: {type(cause).__name__}: {cause}", REASON_AT_MOST)})
