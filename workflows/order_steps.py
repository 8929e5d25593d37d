"""The order saga, as a sentence, and what each of its steps asks of its service."""

from datetime import timedelta

from temporalio import workflow

from workflows import policies
from workflows.saga import Call, Kind, Run, Saga, Step, Wait

with workflow.unsafe.imports_passed_through():
    from activities.inventory import InventoryActivities
    from activities.operators import OperatorActivities
    from activities.orders import OrderActivities
    from activities.payments import PaymentActivities
    from activities.shipping import ShippingActivities
    from models.activities.inventory import ReleaseInventory, ReserveInventory
    from models.activities.operators import Alert
    from models.activities.orders import CompleteOrder
    from models.activities.payments import BookTransfer, ChargePayment, ExpectTransfer, PendingTransfer, RefundPayment
    from models.activities.shipping import CancelShipment, CreateShipment
    from models.money import Money
    from models.order import BankTransfer, Line, Order

SUMMARY_AT_MOST = 120
WHY_AT_MOST = 1000


def articles(lines: tuple[Line, ...]) -> str:
    """Return lines for people: "2 × SKU-1, 1 × SKU-2"."""
    text = ", ".join(f"{line.quantity} × {line.sku}" for line in lines)
    return text if len(text) <= SUMMARY_AT_MOST else f"{text[:SUMMARY_AT_MOST]}…"


def _order(run: Run) -> Order:
    order: Order = run.subject
    return order


def _total(run: Run) -> Money:
    total: Money = run.answers["validate"].total
    return total


def _money(run: Run) -> str:
    """The total for people; an express order may go back before this history knows it."""
    return str(run.answers["validate"].total) if "validate" in run.answers else "the money"


def _at_risk(run: Run) -> int:
    known: int = run.answers["validate"].total.amount if "validate" in run.answers else _order(run).total or 0
    return known if _arrived(run) else 0


def _completion(run: Run, key: str) -> CompleteOrder:
    """The closing of an order, whichever way it went."""
    return CompleteOrder(
        key=key,
        order_id=_order(run).order_id,
        outcome=run.outcome,
        reserve_key=run.key("reserve"),
        charge_key=run.key("charge"),
        ship_key=run.key("ship"),
        reason=why(run),
    )


def why(run: Run) -> str:
    """Return in one line why the run went back; empty when it did not."""
    told: str = getattr(run.closed, "reason", "")
    if told:  # as the first who closed it, in a workflow task that was lost
        return told
    if run.stopped:
        told = f"{run.stopped.why}: {run.stopped.reason}"
    elif run.failure:
        told = f"{run.failure.step}: {run.failure.type}: {run.failure.message}"
    # A native cancel's reason comes as it was typed, and PostgreSQL keeps no NUL: the order could never be closed.
    return "".join(c if c.isprintable() else " " for c in told)[:WHY_AT_MOST]


def _charge(run: Run, key: str) -> ChargePayment | ExpectTransfer:
    """What is asked of payments: to charge the card, or to expect the transfer."""
    order, payment = _order(run), _order(run).payment
    if isinstance(payment, BankTransfer):
        return ExpectTransfer(key=key, order_id=order.order_id, amount=_total(run), reference=payment.reference)
    return ChargePayment(key=key, order_id=order.order_id, amount=_total(run), token=payment.token)


def _arrived(run: Run) -> bool:
    """Whether there is money to give back: a transfer that nobody has heard of left none."""
    return not isinstance(_order(run).payment, BankTransfer) or "charge" in run.events


def _booking(run: Run, key: str) -> BookTransfer:
    expected, said = _charge(run, key), run.events["charge"].detail
    event = {"paid": said["paid"], "event_id": said["event_id"]}
    return BookTransfer.model_validate(expected.model_dump() | event)


def _transfer_time(run: Run) -> timedelta:
    payment = _order(run).payment
    seconds = payment.deadline_seconds if isinstance(payment, BankTransfer) else None
    return timedelta(seconds=seconds) if seconds else policies.TRANSFER


VALIDATE = Call(
    OrderActivities.validate_order,
    lambda run, _: _order(run),
    lambda run: f"validate {articles(_order(run).lines)}",
    policies.VALIDATE,
)
RESERVE = Call(
    InventoryActivities.reserve_inventory,
    lambda run, key: ReserveInventory(key=key, order_id=_order(run).order_id, lines=_order(run).lines),
    lambda run: f"reserve {articles(_order(run).lines)}",
    policies.DO,
)
RELEASE = Call(
    InventoryActivities.release_inventory,
    lambda run, key: ReleaseInventory(key=key, order_id=_order(run).order_id),
    lambda run: f"release {articles(_order(run).lines)}",
    policies.UNDO,
)
CHARGE = Call(
    PaymentActivities.charge_payment,
    _charge,
    lambda run: f"{'expect' if isinstance(_order(run).payment, BankTransfer) else 'charge'} {_total(run)}",
    policies.DO,
)
FIND_CHARGE = Call(
    PaymentActivities.find_charge, CHARGE.request, lambda run: f"did {_total(run)} land?", policies.PROBE
)
BOOK = Call(PaymentActivities.book_transfer, _booking, lambda run: f"book {_total(run)}", policies.BOOK)
TRANSFER = Wait(
    pending=lambda answer: isinstance(answer, PendingTransfer),
    summary="wait for payment_settled or payment_failed",
    within=_transfer_time,
    settle=BOOK,
)
REFUND = Call(
    PaymentActivities.refund_payment,
    lambda run, key: RefundPayment(key=key, order_id=_order(run).order_id),
    lambda run: f"refund {_money(run)}" if _arrived(run) else "expect the transfer no more",
    policies.UNDO,
)
SHIP = Call(
    ShippingActivities.create_shipment,
    lambda run, key: CreateShipment(
        key=key, order_id=_order(run).order_id, lines=_order(run).lines, ship_to=_order(run).ship_to
    ),
    lambda run: f"hand {articles(_order(run).lines)} to the carrier",
    policies.DO,
)
FIND_SHIPMENT = Call(
    ShippingActivities.find_shipment, SHIP.request, lambda _: "does the carrier have it?", policies.PROBE
)
RECALL = Call(
    ShippingActivities.cancel_shipment,
    lambda run, key: CancelShipment(key=key, order_id=_order(run).order_id),
    lambda _: "take the parcel back",
    policies.UNDO,
)
COMPLETE = Call(OrderActivities.complete_order, _completion, lambda _: "complete the order", policies.COMPLETE)
CLOSE = Call(OrderActivities.complete_order, _completion, lambda _: "keep the outcome", policies.CLOSE)


def _alert(run: Run, key: str) -> Alert:
    parked = list(run.parked.values())[-1]
    return Alert(
        key=key,
        order_id=_order(run).order_id,
        step=parked.step.name,
        direction=parked.direction,
        failure=f"{parked.failure.type}: {parked.failure.message}",
        at_risk=parked.at_risk,
        currency=_order(run).currency,
    )


ALERT = Call(OperatorActivities.alert_operators, _alert, lambda _: "tell the operators", policies.ALERT)

ORDER_SAGA = Saga(
    Step("validate", do=VALIDATE, undo=None, has_effect=False),
    Step("reserve", do=RESERVE, undo=RELEASE),
    Step(
        "charge",
        do=CHARGE,
        undo=REFUND,
        probe=FIND_CHARGE,
        wait=TRANSFER,
        at_risk=_at_risk,
    ),
    Step("ship", do=SHIP, undo=RECALL, probe=FIND_SHIPMENT, kind=Kind.PIVOT),
    Step("complete", do=COMPLETE, undo=None, kind=Kind.RETRIABLE),
    close=CLOSE,
)
