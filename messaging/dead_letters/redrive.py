"""Redriving dead letters: each goes back to where it came from, one at a time, until the same cause comes back."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from messaging.dead_letters.dead_letters import DeadLetters
from models.dead_letters import DeadLetter, LetterStatus, RedriveResult, Undeliverable
from models.errors import Final
from postgres.database import Database
from postgres.unit_of_work import unit_of_work


class Redriver(Protocol):
    """Brings the letters of one channel to their receiver again, under their old ids."""

    async def redrive(self, letter: DeadLetter) -> None:
        """Return when the message was processed, or is out of our hands; raise what went wrong when it failed again."""
        ...

    async def discard(self, letter: DeadLetter, unit: Database) -> None:
        """Do, in the transaction that discards a letter, what its process needs to go on without the message."""
        ...


class Redriving:
    """Redrives letters, each by the redriver of its channel."""

    def __init__(self, db: Database, redrivers: Mapping[str, Redriver]) -> None:
        self._db, self._letters, self._redrivers = db, DeadLetters(db), redrivers

    async def one(self, letter_id: int, actor: str, reason: str) -> RedriveResult:
        """Redrive one letter; what fails again is open again, with its new cause. Raises NotFound, Conflict, Final."""
        channel = (await self._letters.read(letter_id)).channel
        if channel not in self._redrivers:
            raise Final(f"{letter_id}: nothing here redrives the channel {channel}")
        letter = await self._letters.take(letter_id, actor, reason)
        try:
            await self._redrivers[channel].redrive(letter)
        except Exception as error:  # noqa: BLE001 - whatever it was, it is kept with the letter and told
            await self._letters.record(_again(letter, error))
        else:
            await self._letters.redriven(letter_id, actor)
        letter = await self._letters.read(letter_id)
        ended = letter.status is LetterStatus.REDRIVEN
        return RedriveResult(
            letter_id=letter_id,
            status=letter.status,
            fingerprint=letter.fingerprint,
            cause="" if ended else f"{letter.error_type}: {letter.cause}",
        )

    async def discard(self, letter_id: int, actor: str, reason: str) -> None:
        """Give up a message for good; raise InvalidInput without a reason, NotFound, Conflict when it isn't open."""
        async with unit_of_work(self._db) as unit:
            letters = DeadLetters(unit)
            await letters.discard(letter_id, actor, reason)
            letter = await letters.read(letter_id)
            if redriver := self._redrivers.get(letter.channel):
                await redriver.discard(letter, unit)

    async def many(self, letters: Sequence[DeadLetter], actor: str, reason: str) -> list[RedriveResult]:
        """Redrive letters in their order; the first of a fingerprint that comes back keeps the rest of it where it is.

        Letters of a process stay behind one that came back, whatever they died of.
        """
        outcomes: list[RedriveResult] = []
        stopped: set[str | None] = set()
        for letter in letters:
            if {letter.fingerprint, letter.process_id} & stopped:
                continue
            outcome = await self._one_of(letters, letter, actor, reason)
            outcomes.append(outcome)
            if outcome.status is not LetterStatus.REDRIVEN:
                stopped |= {letter.fingerprint, outcome.fingerprint} | ({letter.process_id} - {None})
        return outcomes

    async def _one_of(
        self, letters: Sequence[DeadLetter], letter: DeadLetter, actor: str, reason: str
    ) -> RedriveResult:
        """Redrive one of many: what can't be redriven now must not keep the others from it."""
        try:
            return await self.one(letter.letter_id, actor, reason)
        except Final as error:
            if len(letters) == 1:
                raise
            told = letter.model_dump(include={"letter_id", "status", "fingerprint"})
            return RedriveResult(**told, cause=str(error))


def _again(letter: DeadLetter, error: Exception) -> Undeliverable:
    """The same message, dead of what came now."""
    same = letter.model_dump(include=set(Undeliverable.model_fields))
    return Undeliverable(**same | {"error_type": type(error).__name__, "cause": str(error), "attempts": 1})
