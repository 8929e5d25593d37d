"""A participant of the choreography: a service with its reactions, its database, its outbox and its inbox."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from choreography.reaction import Reaction
from messaging.outbox.outbox import Outbox
from models.choreography import DomainEvent, EventType
from postgres.database import Database

S = TypeVar("S")


async def _nothing(_unit: Database, _event: DomainEvent) -> None:
    return


@dataclass(frozen=True)
class Participant(Generic[S]):
    """A service that takes part: `outside` works without a transaction, `within` returns it in one.

    `appended` is called in the transaction of each event that the service appends, and may refuse it with
    AlreadyUndone. `over`: (database, process) → whether a process takes no more effects of this service, by default
    when the service has processed an event that takes it back.
    """

    db: Database
    outbox: Outbox
    reactions: Mapping[EventType, Reaction[S]]
    outside: S
    within: Callable[[Database], S]
    appended: Callable[[Database, DomainEvent], Awaitable[None]] = _nothing
    over: Callable[[Database, str], Awaitable[bool]] | None = None

    async def superseded(self, process_id: str) -> bool:
        """Return whether a process takes no more effects of this service."""
        return await (self.over or self.outbox.superseded)(self.db, process_id)
