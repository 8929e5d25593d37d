"""Client for the dead letter channel (Enterprise Integration Patterns): letters by cause, parked effects by amount."""

from dataclasses import dataclass

from client.advice import CAUSE_FIXED, starter
from client.connection import Connection
from client.diagnosis.findings import Cause, StuckProcess
from client.diagnosis.stuck import diagnosed
from models import names
from models.dead_letters import DeadLetter, LetterAudit, LetterGroup

AT_ONCE = 1000
PARKED = (
    f"WorkflowType IN ({names.PROCESS_WORKFLOWS})"
    f" AND ExecutionStatus = 'Running' AND {names.STATUS_ATTRIBUTE} = 'needs_attention'"
)


@dataclass(frozen=True)
class GroupedLetters:
    """Open letters with the same cause, and their numbers, oldest first."""

    group: LetterGroup
    letters: list[int]


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
        groups, numbers = await letters.groups(), dict[str, list[int]]()
        for letter in await letters.open():
            numbers.setdefault(letter.fingerprint, []).append(letter.letter_id)
        return [GroupedLetters(group, numbers.get(group.fingerprint, [])) for group in groups]

    async def parked(self) -> list[StuckProcess]:
        """Return the parked effects, highest amount at risk first, each with the command that resolves it."""
        client, found = await self._connection.temporal(), list[StuckProcess]()
        async for run in client.list_workflows(PARKED, limit=AT_ONCE):
            stuck = await diagnosed(client, run)
            found += [stuck] if stuck and stuck.cause is Cause.PARKED else []
        return sorted(found, key=lambda effect: -effect.at_risk)

    async def read(self, letter_id: int) -> tuple[DeadLetter, list[LetterAudit]]:
        """Return a letter and its audit trail; raise NotFound, Unavailable."""
        letters = (await self._connection.services()).dead_letters
        return await letters.read(letter_id), await letters.audit(letter_id)

    async def chosen(self, letter_ids: list[int] | None, fingerprint: str | None, limit: int) -> list[DeadLetter]:
        """Return the letters with these numbers; without numbers, the open ones (of a fingerprint), oldest first."""
        letters = (await self._connection.services()).dead_letters
        if letter_ids:
            return [await letters.read(letter_id) for letter_id in letter_ids]
        return await letters.open(fingerprint, limit)
