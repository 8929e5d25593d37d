"""Events from outside: which of them an order takes, and what they say of its payment."""

from temporalio import workflow

from workflows.saga import Event, Run

with workflow.unsafe.imports_passed_through():
    from pydantic import ValidationError

    from models.external_events import (
        EVENT_TYPES,
        FAILED,
        PAYLOADS,
        SETTLED,
        EventTaken,
        ExternalEvent,
        FailedPayload,
        SettledPayload,
    )
    from models.money import Money
    from models.order import BankTransfer

DECIDES = "charge"


def objection(event: ExternalEvent, run: Run, taken: dict[str, ExternalEvent]) -> str | None:
    """Return why an order can't take an event, or None; the same event again is taken again."""
    if event.event_id in taken:
        return None if taken[event.event_id] == event else f"event {event.event_id} said something else before"
    if event.type not in EVENT_TYPES:
        return f"unknown event type {event.type!r}; known are {', '.join(EVENT_TYPES)}"
    if not isinstance(run.subject.payment, BankTransfer):
        return "the order is paid by card; it waits for no event"
    if late := run.deaf(DECIDES):
        return f"{late}; nothing of this event is booked"
    return _misfit(event, run)


def _misfit(event: ExternalEvent, run: Run) -> str | None:
    try:
        payload = PAYLOADS[event.type].model_validate(event.payload)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        return f"payload.{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
    if not isinstance(payload, SettledPayload):
        return None
    if payload.currency != run.subject.currency:
        return f"payload.currency: {payload.currency} is not the {run.subject.currency} that was asked for"
    if payload.amount is None or "validate" not in run.answers:
        return None
    paid, total = Money(amount=payload.amount, currency=payload.currency), run.answers["validate"].total
    return None if paid == total else f"payload.amount: {paid} is not the {total} that was asked for"


def heard(event: ExternalEvent, run: Run) -> Event:
    """Return what an event without objection says to the saga."""
    if event.type == FAILED:
        reason = FailedPayload.model_validate(event.payload).reason
        return Event(event.type, settles=False, reason=reason, detail={"event_id": event.event_id, "reason": reason})
    # The amount that was asked for: another one was objected to.
    paid = run.answers["validate"].total.model_dump(mode="json")
    return Event(event.type, settles=True, detail={"event_id": event.event_id, "paid": paid})


def answer_to(event: ExternalEvent, run: Run) -> EventTaken:
    """Return what the sender is told, each time the same."""
    return EventTaken(
        order_id=run.subject.order_id,
        event_id=event.event_id,
        type=event.type,
        step=DECIDES,
        effect="settles" if event.type == SETTLED else "fails",
    )
