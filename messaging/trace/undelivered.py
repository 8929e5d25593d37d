"""Deliveries that failed permanently: each is a dead letter, and its process waits for an operator."""

from messaging.dead_letters.dead_letters import DeadLetters
from messaging.trace import statements
from messaging.trace.trace import Trace
from models.choreography import DomainEvent, EventDelivery, at_risk
from models.dead_letters import Undeliverable
from models.names import workflow_id
from models.trace import TracedEvent
from postgres.database import Database
from postgres.unit_of_work import unit_of_work

CHANNEL = "deliveries"
# In place of the event's id; no event has it.
UNKNOWN = "unknown event"
# The subscriber of a delivery that could not even be published.
RELAY = "relay"


def letter_id(event_id: str, subscriber: str) -> str:
    """Return the message id of a delivery's dead letter."""
    return f"{event_id}:{subscriber}"


class Undelivered:
    """Stores deliveries that failed as dead letters."""

    def __init__(self, db: Database, trace: Trace) -> None:
        self._db, self._trace = db, trace

    async def record(
        self, event: TracedEvent, subscriber: str, error: str, cause: str, attempts: int, original: DomainEvent | None
    ) -> None:
        """Record a delivery that failed permanently; `original` is the stored event, None if it can't be read now."""
        amount = at_risk(event.type, event.total)
        letter = Undeliverable(
            channel=CHANNEL,
            message_id=letter_id(event.event_id, subscriber),
            original=(original or event).model_dump_json().encode(),
            error_type=error,
            cause=cause,
            attempts=attempts,
            process_id=workflow_id(event.process_id),
            correlation_id=event.correlation_id,
            place=f"{event.type} → {subscriber}",
            at_risk=amount.amount if amount else 0,
            currency=amount.currency if amount else "",
        )
        params = {"event_id": event.event_id, "subscriber": subscriber}
        await self._trace.record([event])  # the delivery may be faster than the relay that started it
        async with unit_of_work(self._db) as unit:
            await unit.rows(statements.HALT, params)
            await DeadLetters(unit).record(letter)

    async def record_unknown(self, delivery: EventDelivery) -> None:
        """Record that a delivery named an event that its publisher doesn't have.

        No process waits behind the dead letter, and there is one for each subscriber, so that forged deliveries neither
        block an order nor fill the table.
        """
        letter = Undeliverable(
            channel=CHANNEL,
            message_id=letter_id(UNKNOWN, delivery.subscriber),
            original=delivery.model_dump_json().encode(),
            error_type="NotFound",
            cause="a delivery named an event that the outbox does not have",
            attempts=1,
            place=f"an unknown event → {delivery.subscriber}",
            blocks=False,
        )
        await DeadLetters(self._db).record(letter)

    async def is_dead(self, event_id: str, subscriber: str, unit: Database | None = None) -> bool:
        """Return whether a process waits because of this delivery."""
        params = {"event_id": event_id, "subscriber": subscriber}
        return await (unit or self._db).row(statements.HALTED, params) is not None

    async def free(self, event_id: str, subscriber: str) -> None:
        """Let the process of a dead delivery go on, because the delivery is made again."""
        await self._db.rows(statements.FREE, {"event_id": event_id, "subscriber": subscriber})

    async def give_up(self, unit: Database, event_id: str, subscriber: str) -> None:
        """Let the process of a dead delivery go on without it."""
        await unit.rows(statements.GIVE_UP, {"event_id": event_id, "subscriber": subscriber})

    async def given_up(self, process_id: str) -> set[str]:
        """Return the ids of the events of a process whose deliveries were given up."""
        return {event_id for (event_id,) in await self._db.rows(statements.GIVEN_UP, {"process_id": process_id})}
