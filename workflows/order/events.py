"""External events: which of them an order accepts, and their meaning for its payment step."""

from temporalio import workflow

from temporal_saga import StepEvent
from workflows.order.orders import OrderRun, total, total_if_known
from workflows.order.payments import CHARGE

with workflow.unsafe.imports_passed_through():
    from pydantic import ValidationError

    from models.external_events import (
        EVENT_TYPES,
        FAILED,
        PAYLOADS,
        SETTLED,
        EventAccepted,
        ExternalEvent,
        FailedPayload,
        SettledPayload,
    )
    from models.money import Money
    from models.order import BankTransfer
    from models.problems import sentences


def objection(event: ExternalEvent, run: OrderRun, accepted: dict[str, ExternalEvent]) -> str | None:
    """Return why an order can't accept an event, or None; a repeated event is accepted again.

    `accepted`: event id → the event that the order accepted under that id.
    """
    if event.event_id in accepted:
        return None if accepted[event.event_id] == event else f"event id {event.event_id} belongs to another event"
    if event.type not in EVENT_TYPES:
        return f"unknown event type {event.type!r}; known are {', '.join(EVENT_TYPES)}"
    if not run.subject.lines:  # a recovery that has not read its order yet; it checks the event again after that
        return None
    if not isinstance(run.subject.payment, BankTransfer):
        return "the order is paid by card and accepts no event"
    if late := run.event_objection(CHARGE):
        return f"{late}; nothing of this event is booked"
    return _misfit(event, run)


def _misfit(event: ExternalEvent, run: OrderRun) -> str | None:
    model = PAYLOADS[event.type]
    try:
        payload = model.model_validate(event.payload)
    except ValidationError as error:
        return sentences(error, model, "payload")
    if not isinstance(payload, SettledPayload):
        return None
    if payload.currency != run.subject.currency:
        return f"payload.currency: {payload.currency} is not the {run.subject.currency} that was asked for"
    expected = total_if_known(run)
    if payload.amount is None or expected is None:
        return None
    paid = Money(amount=payload.amount, currency=payload.currency)
    return None if paid == expected else f"payload.amount: {paid} is not the {expected} that was asked for"


def decisive(event: ExternalEvent, run: OrderRun) -> StepEvent:
    """Return the saga's step event for an external event without objection."""
    if event.type == FAILED:
        reason = FailedPayload.model_validate(event.payload).reason
        return StepEvent(
            event.type, settles=False, reason=reason, detail={"event_id": event.event_id, "reason": reason}
        )
    # The paid amount is the expected one: `objection` refuses any other.
    paid = total(run).model_dump(mode="json")
    return StepEvent(event.type, settles=True, detail={"event_id": event.event_id, "paid": paid})


def answer_to(event: ExternalEvent, run: OrderRun) -> EventAccepted:
    """Return the reply to the sender, the same for each delivery of an event."""
    return EventAccepted(
        order_id=run.process,
        event_id=event.event_id,
        type=event.type,
        step=CHARGE.name,
        effect="settles" if event.type == SETTLED else "fails",
    )
