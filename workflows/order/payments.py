"""The payment step of an order: charge the card or expect the bank transfer; the undo is the refund."""

from datetime import timedelta

from temporalio import workflow

from temporal_saga import Call, Step, Wait
from workflows import policies
from workflows.order.orders import OrderRun, total, total_if_known

with workflow.unsafe.imports_passed_through():
    from activities.payments import PaymentActivities
    from models.activities.payments import (
        BookTransfer,
        Charge,
        ChargePayment,
        ExpectTransfer,
        PendingTransfer,
        RefundPayment,
    )
    from models.order import BankTransfer, Order


def _charge(run: OrderRun, key: str) -> ChargePayment | ExpectTransfer:
    payment = run.subject.payment
    if isinstance(payment, BankTransfer):
        return ExpectTransfer(key=key, order_id=run.process, amount=total(run), reference=payment.reference)
    return ChargePayment(key=key, order_id=run.process, amount=total(run), token=payment.token)


def _book(run: OrderRun, key: str) -> BookTransfer:
    expected, detail = _charge(run, key), run.events[CHARGE.name].detail
    event = {"paid": detail["paid"], "event_id": detail["event_id"]}
    return BookTransfer.model_validate(expected.model_dump() | event)


def _refund(run: OrderRun, key: str) -> RefundPayment:
    return RefundPayment(key=key, order_id=run.process)


def _charge_summary(run: OrderRun) -> str:
    return f"{'expect' if isinstance(run.subject.payment, BankTransfer) else 'charge'} {total(run)}"


def _refund_summary(run: OrderRun) -> str:
    return f"refund {total_if_known(run) or 'the money'}" if _arrived(run) else "expect the transfer no more"


def _arrived(run: OrderRun) -> bool:
    """Return whether there may be money to refund: not for a transfer without an event."""
    return not isinstance(run.subject.payment, BankTransfer) or CHARGE.name in run.events


def _at_risk(run: OrderRun) -> int:
    price = total_if_known(run)
    known = price.amount if price else run.subject.total or 0
    return known if _arrived(run) else 0


def _transfer_time(run: OrderRun) -> timedelta:
    payment = run.subject.payment
    seconds = payment.deadline_seconds if isinstance(payment, BankTransfer) else None
    return timedelta(seconds=seconds) if seconds else policies.TRANSFER


TRANSFER: Wait[Order, Charge] = Wait(
    pending=lambda answer: isinstance(answer, PendingTransfer),
    summary="wait for payment_settled or payment_failed",
    within=_transfer_time,
    settle=Call(PaymentActivities.book_transfer, _book, lambda run: f"book {total(run)}", policies.BOOK),
)
CHARGE: Step[Order, Charge | PendingTransfer] = Step(
    "charge",
    do=Call(PaymentActivities.charge_payment, _charge, _charge_summary, policies.DO),
    undo=Call(PaymentActivities.refund_payment, _refund, _refund_summary, policies.UNDO),
    probe=Call(PaymentActivities.find_charge, _charge, lambda run: f"did {total(run)} land?", policies.PROBE),
    wait=TRANSFER,
    at_risk=_at_risk,
)
