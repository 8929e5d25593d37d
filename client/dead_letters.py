"""Client for the dead letter channel (Enterprise Integration Patterns): letters by cause, parked effects by amount."""

from collections import Counter, defaultdict
from dataclasses import dataclass

from client.advice import CAUSE_FIXED, starter
from client.connection import Connection
from client.diagnosis.findings import Cause, StuckProcess
from client.diagnosis.grouping import sums_of
from client.diagnosis.stuck import all_diagnosed
from models import names
from models.dead_letters import DeadLetter, LetterAudit, LetterGroup
from models.errors import NotFound
from models.money import Money

AT_ONCE = 1000
PARKED = (
    f"WorkflowType IN ({names.PROCESS_WORKFLOWS})"
    f" AND ExecutionStatus = 'Running' AND {names.STATUS_ATTRIBUTE} = 'needs_attention'"
)


@dataclass(frozen=True)
class GroupedLetters:
    """Open letters with the same cause, their numbers, oldest first, and the money at risk per currency."""

    group: LetterGroup
    letters: list[int]
    at_risk: tuple[Money, ...] = ()


def _grouped(group: LetterGroup, members: list[DeadLetter]) -> GroupedLetters:
    sums = Counter[str]()
    for letter in members:
        sums[letter.currency] += letter.at_risk
    return GroupedLetters(group, [letter.letter_id for letter in members], sums_of(sums))


def redrive_group(group: LetterGroup) -> str:
    """Return the command that delivers all letters of a group again."""
    return starter("deadletters", "redrive", "--fingerprint", group.fingerprint, "--reason", CAUSE_FIXED)


class DeadLettersClient:
    """Lists dead letters and parked effects."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def groups(self) -> list[GroupedLetters]:
        """Return the open letters grouped by cause, largest group first; raise Unavailable."""
        letters = (await self._connection.services()).dead_letters
        groups, members, after = await letters.groups(), defaultdict[str, list[DeadLetter]](list), 0
        while page := await letters.open(limit=AT_ONCE, after=after):
            after = page[-1].letter_id
            for letter in page:
                members[letter.fingerprint].append(letter)
        return [_grouped(group, members[group.fingerprint]) for group in groups]

    async def parked(self) -> list[StuckProcess]:
        """Return the parked effects, highest amount at risk first, each with the command that resolves it."""
        client = await self._connection.temporal()
        runs = [run async for run in client.list_workflows(PARKED, limit=AT_ONCE)]
        found = [stuck for stuck in await all_diagnosed(client, runs) if stuck.cause is Cause.PARKED]
        return sorted(found, key=lambda effect: -effect.at_risk)

    async def read(self, letter_id: int) -> tuple[DeadLetter, list[LetterAudit]]:
        """Return a letter and its audit trail; raise NotFound, Unavailable."""
        letters = (await self._connection.services()).dead_letters
        return await letters.read(letter_id), await letters.audit(letter_id)

    async def chosen(self, letter_ids: list[int] | None, fingerprint: str | None, limit: int) -> list[DeadLetter]:
        """Return the letters with these numbers; without numbers, the open ones (of a fingerprint), oldest first.

        Raises NotFound for an unknown number, and for a fingerprint that no open letter has.
        """
        letters = (await self._connection.services()).dead_letters
        if letter_ids:
            return [await letters.read(letter_id) for letter_id in letter_ids]
        found = await letters.open(fingerprint, limit)
        if fingerprint is not None and not found:
            raise NotFound(f"no open dead letter has the fingerprint {fingerprint}")
        return found

    async def count_open(self, fingerprint: str | None) -> int:
        """Return the number of open letters, or of those with a fingerprint; raise Unavailable."""
        groups = await (await self._connection.services()).dead_letters.groups()
        return sum(group.count for group in groups if fingerprint in {None, group.fingerprint})
