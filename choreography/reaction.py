"""What a reaction is: a service hears of an event, does its part, and says which event that makes."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from models.errors import AlreadySettled, AlreadyUndone, OrderError, Unavailable
from models.order_events import EventType, Facts
from services.database import Database
from services.ports import CardProvider, Carrier
from services.unit_of_work import UnitOfWork, unit_of_work

# The seed's three retries; after them a service takes its own part back and says so.
TRIES = 4
# Four fifths of an attempt of the orchestrated saga, so that asking, probing and undoing fit into one delivery.
ANSWER_SECONDS = 4.0


@dataclass(frozen=True)
class Parties:
    """What reactions work with, beside the transaction of their effect."""

    db: Database
    provider: CardProvider
    carrier: Carrier


class DecidedBefore(Exception):
    """Another attempt of the same delivery decided while this one was on its way."""


@dataclass(frozen=True)
class Heard:
    """One delivery: what the event tells, the transaction to react in, which attempt this is.

    `decided` tells whether another attempt has reacted meanwhile, as a transaction sees it.
    """

    facts: Facts
    unit: UnitOfWork
    attempt: int
    parties: Parties
    decided: Callable[[Database], Awaitable[bool]]


T = TypeVar("T")
Reply = tuple[EventType, Facts]
Reaction = Callable[[Heard], Awaitable[Reply]]


async def answered(call: Awaitable[T]) -> T:
    """Return the answer of an outside party; raise Unavailable when it takes too long."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await call
    except TimeoutError:
        raise Unavailable(f"no answer in {ANSWER_SECONDS:.0f} s") from None


async def landed(probe: Awaitable[object | None]) -> bool:
    """Tell whether an effect without an answer landed; one that can't be looked up counts as not landed, and is undone.

    The undo works by key and tolerates an effect that did land. One that an earlier attempt began to undo is undone.
    """
    try:
        return await answered(probe) is not None
    except (Unavailable, AlreadyUndone):
        return False


async def give_up(heard: Heard, stop: Callable[[Database], Awaitable[None]]) -> None:
    """Have `stop` write the receipt that refuses the effect from here on; raise DecidedBefore if it counts already.

    An attempt may have slept while the next one found what it did not. Both write the receipt of the same key, so one
    waits for the other: either the effect is refused to the other attempt, or its note is seen here.
    """
    async with unit_of_work(heard.parties.db) as alone:
        try:
            await stop(alone)
        except AlreadySettled as settled:
            raise DecidedBefore from settled
        if await heard.decided(alone):
            raise DecidedBefore


def because(facts: Facts, step: str, error: OrderError) -> Facts:
    """Return the facts with the reason why the order goes back."""
    return facts.model_copy(update={"reason": f"{step}: {type(error).__name__}: {error}"})
