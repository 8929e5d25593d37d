"""What a reaction is: a service gets an event, does its part, and names the event that follows."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from models.attempts import ATTEMPT, DO_ATTEMPTS
from models.choreography import EventData, EventType
from models.errors import AlreadySettled, AlreadyUndone, OrderError, Unavailable
from postgres.database import Database
from postgres.unit_of_work import unit_of_work
from services.assembly import Services

# So that asking, probing and undoing fit into one delivery.
ANSWER_SECONDS = 0.8 * ATTEMPT.total_seconds()


class AlreadyDecided(Exception):
    """Another attempt of the same delivery decided while this one was on its way."""


class AttemptsExhausted(OrderError):
    """Every attempt of an effect failed, and it was undone; `error` is the last attempt's."""

    def __init__(self, error: Unavailable) -> None:
        super().__init__(str(error))
        self.error = error


@dataclass(frozen=True)
class Delivery:
    """One event on its way to one service: its data, and which attempt to deliver it this is.

    `services` work in the transaction that also notes the event as consumed and publishes what follows; `outside` is
    the same services without that transaction. `decided` tells whether another attempt has reacted meanwhile, as a
    transaction sees it.
    """

    data: EventData
    attempt: int
    services: Services
    outside: Services
    decided: Callable[[Database], Awaitable[bool]]


T = TypeVar("T")
Reply = tuple[EventType, EventData]
Reaction = Callable[[Delivery], Awaitable[Reply]]


async def within_time_limit(call: Awaitable[T]) -> T:
    """Return the answer of an outside party; raise Unavailable when it takes too long."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await call
    except TimeoutError:
        raise Unavailable(f"no answer in {ANSWER_SECONDS:.0f} s") from None


async def do_or_undo(
    delivery: Delivery,
    *,
    do: Callable[[], Awaitable[T]],
    find: Callable[[], Awaitable[T | None]],
    stop: Callable[[Services], Awaitable[None]],
    undo: Callable[[], Awaitable[object]],
) -> T:
    """Return the answer of an effect; raise Unavailable to be delivered once more, and as `do` does when it is refused.

    After the last attempt it is looked up. If it did not happen it is stopped and undone; raise AttemptsExhausted.
    """
    last = Unavailable("every attempt failed")
    if delivery.attempt <= DO_ATTEMPTS:
        try:
            return await within_time_limit(do())
        except Unavailable as error:
            if delivery.attempt < DO_ATTEMPTS:
                raise
            last = error
    if (found := await _landed(find())) is not None:
        return found
    await _give_up(delivery, stop)
    await undo()
    raise AttemptsExhausted(last)


async def _landed(probe: Awaitable[T | None]) -> T | None:
    """Return the answer of an effect that landed; one that can't be looked up counts as not landed, and is undone.

    The undo works by key and tolerates an effect that did land. One that an earlier attempt began to undo is undone.
    """
    try:
        return await within_time_limit(probe)
    except (Unavailable, AlreadyUndone):
        return None


async def _give_up(delivery: Delivery, stop: Callable[[Services], Awaitable[None]]) -> None:
    """Have `stop` write the receipt that refuses the effect from here on; raise AlreadyDecided if it counts already.

    An attempt may have slept while the next one found what it did not. Both write the receipt of the same key, so one
    waits for the other: either the effect is refused to the other attempt, or its note is seen here.
    """
    async with unit_of_work(delivery.outside.db) as alone:
        try:
            await stop(delivery.outside.within(alone))
        except AlreadySettled as settled:
            raise AlreadyDecided from settled
        if await delivery.decided(alone):
            raise AlreadyDecided


def with_reason(data: EventData, step: str, error: OrderError) -> EventData:
    """Return the data with the reason why the order goes back."""
    cause = error.error if isinstance(error, AttemptsExhausted) else error
    return data.model_copy(update={"reason": f"{step}: {type(cause).__name__}: {cause}"})
