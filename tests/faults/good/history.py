"""The evidence of one good run: orders of every kind and slips, each with the records of the real parts."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

from tests.faults.evidence.evidence import Evidence, Hit, LogLine
from tests.faults.evidence.messages import Consumed, EventRow, Letter, RecordedAlert
from tests.faults.good import orders as good_orders
from tests.faults.good import parked as good_parked
from tests.faults.good.shop import GoodShop
from tests.faults.invariants.outbox import LISTENS, TIMED_OUT

FORWARD = ("OrderPlaced", "StockReserved", "PaymentCharged")
BACK = ("PaymentRefunded", "StockReleased", "OrderFailed")
CHOREOGRAPHED = {
    "c-done": (*FORWARD, "ShipmentCreated", "PaymentSettled", "StockSettled", "OrderCompleted"),
    "c-sold-out": ("OrderPlaced", "StockRejected", "OrderFailed"),
    "c-declined": ("OrderPlaced", "StockReserved", "PaymentDeclined", "StockReleased", "OrderFailed"),
    "c-refused": (*FORWARD, "ShipmentRefused", *BACK),
    "c-timed-out": (*FORWARD, TIMED_OUT, "ShipmentRecalled", *BACK),
    "c-dead": FORWARD,
}
ORCHESTRATED = (
    good_orders.o_done,
    good_orders.o_declined,
    good_orders.o_refused,
    good_orders.o_lost,
    good_orders.o_cancelled,
    good_orders.o_express,
    good_orders.o_turned,
    good_parked.o_parked,
    good_parked.o_waived,
    good_parked.o_retried,
    good_parked.o_recovered,
    good_parked.o_cut_short,
    good_parked.o_unrecovered,
    good_parked.o_unknown,
    good_orders.o_transferred,
    good_orders.o_underpaid,
    good_orders.s_done,
    good_orders.s_undone,
)


@cache
def good() -> Evidence:
    """Return the evidence of a run without any violation."""
    shop = GoodShop()
    for place in ORCHESTRATED:
        place(shop)
    for order, types in CHOREOGRAPHED.items():
        _play(shop, order, types)
    dead = Letter("deliveries", "c-dead 3:shipping", "c-dead", "open", "KeyReused: other", 8, shop.tick(), letter_id=7)
    shop.add("letters", dead)
    alert = "c-dead:deliveries:letter:7", "c-dead", dead.channel, "letter", dead.cause, 0
    shop.add("alerts", RecordedAlert(*alert, shop.tick()))
    shop.add("hits", Hit(shop.tick(), "worker killed"))
    shop.add("hits", Hit(shop.tick(), "lost answer", "o-lost", "create_shipment"))
    shop.add("log", LogLine("worker 1", "error", "needs attention order_id=o-parked step=charge"))
    shop.add("log", LogLine("worker 1", "warning", "attempt failed"))
    healed_at = shop.tick()
    good_orders.completed(shop, "o-last")
    return replace(shop.evidence(), healed_at=healed_at, canaries=("A. Customer",))


REACTIONS: dict[str, Callable[[GoodShop, str], None]] = {
    "StockReserved": lambda shop, order: shop.write("inventory", f"{order}:reserve", "done"),
    "StockRejected": lambda shop, order: shop.write("inventory", f"{order}:reserve", "refused"),
    "PaymentCharged": lambda shop, order: shop.take(order, f"{order}:charge"),
    "PaymentDeclined": lambda shop, order: shop.refuse("provider", "payments", f"{order}:charge"),
    "ShipmentCreated": lambda shop, order: shop.hand_over(order, f"{order}:ship", settled=True),
    "PaymentSettled": lambda shop, order: shop.settle(order, "charge"),
    "StockSettled": lambda shop, order: shop.settle(order, "reserve"),
    "ShipmentRefused": lambda shop, order: shop.refuse("carrier", "shipping", f"{order}:ship"),
    "ShipmentRecalled": lambda shop, order: shop.stop("carrier", "shipping", f"{order}:ship"),
    "PaymentRefunded": lambda shop, order: shop.give_back(order, f"{order}:charge"),
    "StockReleased": lambda shop, order: shop.write("inventory", f"{order}:reserve", "undone"),
    "OrderCompleted": lambda shop, order: shop.close(order, "completed"),
    "OrderFailed": lambda shop, order: shop.close(order, "compensated"),
}


def _play(shop: GoodShop, order: str, types: tuple[str, ...]) -> None:
    """Append these events to an order, each caused by the one before it, after the effect that it reports."""
    shop.place(order, "choreographed")
    for sequence, of_type in enumerate(types, start=1):
        cause = f"{order} {sequence - 1}" if sequence > 1 else None
        if of_type in REACTIONS:
            REACTIONS[of_type](shop, order)
        if cause and of_type != TIMED_OUT:
            consumer = LISTENS[types[sequence - 2]][0]
            shop.add("consumed", Consumed(consumer, cause, shop.tick()))
        event = EventRow(f"{order} {sequence}", order, sequence, of_type, cause, 0, shop.tick(), shop.tick())
        shop.add("events", event)
