"""Redriving dead letters: each letter is sent to its receiver again, one at a time, until one fails again."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from messaging.dead_letters.dead_letters import HANDED_OVER, PROCESSED, DeadLetters
from models.dead_letters import DeadLetter, LetterStatus, RedriveResult, Undeliverable
from models.errors import Conflict, Final
from postgres.database import Database
from postgres.unit_of_work import unit_of_work


class Redriver(Protocol):
    """Sends the letters of one channel to their receiver again, under their original ids."""

    async def redrive(self, letter: DeadLetter) -> bool | None:
        """Return when the message was processed, False when it was only handed over; raise when it failed again."""
        ...

    async def discard(self, letter: DeadLetter, unit: Database) -> None:
        """Unblock the process of a letter, in the transaction `unit` that discards the letter."""
        ...


class Redriving:
    """Redrives letters, each by the redriver of its channel."""

    def __init__(self, db: Database, redrivers: Mapping[str, Redriver]) -> None:
        self._db, self._letters, self._redrivers = db, DeadLetters(db), redrivers

    async def one(self, letter_id: int, actor: str, reason: str) -> RedriveResult:
        """Redrive one letter; a letter that fails again is reopened with the new cause.

        Raises NotFound, Conflict when it is held or its receiver refuses all messages now, or Final when its channel
        has no redriver.
        """
        channel = (await self._letters.read(letter_id)).channel
        if channel not in self._redrivers:
            raise Final(f"{letter_id}: no redriver is registered for the channel {channel}")
        letter, in_progress = await self._letters.take(letter_id, actor, reason), False
        try:
            in_progress = await self._redrivers[channel].redrive(letter) is False
        except Exception as error:
            await self._letters.record(_again(letter, error))
            if isinstance(error, Conflict):
                raise
        else:
            await self._letters.redriven(letter_id, actor, HANDED_OVER if in_progress else PROCESSED)
        letter = await self._letters.read(letter_id)
        ended = letter.status is LetterStatus.REDRIVEN
        return RedriveResult(
            letter_id=letter_id,
            status=letter.status,
            fingerprint=letter.fingerprint,
            cause="" if ended else f"{letter.error_type}: {letter.cause}",
            in_progress=ended and in_progress,
        )

    async def discard(self, letter_id: int, actor: str, reason: str) -> None:
        """Discard a message permanently; raise InvalidInput without a reason, NotFound, Conflict when it isn't open."""
        async with unit_of_work(self._db) as unit:
            letters = DeadLetters(unit)
            await letters.discard(letter_id, actor, reason)
            letter = await letters.read(letter_id)
            if redriver := self._redrivers.get(letter.channel):
                await redriver.discard(letter, unit)

    async def many(
        self,
        letters: Sequence[DeadLetter],
        actor: str,
        reason: str,
        seen: Callable[[RedriveResult], None] = lambda _: None,
    ) -> list[RedriveResult]:
        """Redrive letters in their order; return the result of each letter that was tried, and pass it to `seen`.

        When a letter fails again, the later letters of its fingerprint and of its process are skipped.
        """
        outcomes: list[RedriveResult] = []
        stopped: set[str | None] = set()
        for letter in letters:
            if {letter.fingerprint, letter.process_id} & stopped:
                continue
            outcome = await self._one_of(letters, letter, actor, reason)
            outcomes.append(outcome)
            seen(outcome)
            if outcome.status is not LetterStatus.REDRIVEN:
                stopped |= {letter.fingerprint, outcome.fingerprint} | ({letter.process_id} - {None})
        return outcomes

    async def _one_of(
        self, letters: Sequence[DeadLetter], letter: DeadLetter, actor: str, reason: str
    ) -> RedriveResult:
        """Redrive one of many: a letter that can't be redriven now must not stop the others."""
        try:
            return await self.one(letter.letter_id, actor, reason)
        except Final as error:
            if len(letters) == 1:
                raise
            known = letter.model_dump(include={"letter_id", "status", "fingerprint"})
            return RedriveResult(**known, cause=str(error))


def _again(letter: DeadLetter, error: Exception) -> Undeliverable:
    """Return the same message with the new error."""
    same = letter.model_dump(include=set(Undeliverable.model_fields))
    return Undeliverable(**same | {"error_type": type(error).__name__, "cause": str(error), "attempts": 1})
