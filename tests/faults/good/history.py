"""The evidence of one good run: orders of every kind and slips, each with the records of the real parts."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

from tests.faults.evidence.evidence import Evidence, Hit, LogLine
from tests.faults.evidence.messages import Consumed, EventRow, Letter, RecordedAlert, TracedRow
from tests.faults.good import orders as good_orders
from tests.faults.good import parked as good_parked
from tests.faults.good.shop import GoodShop
from tests.faults.invariants.outbox import LISTENS, PUBLISHERS, TIMED_OUT

FORWARD = ("OrderPlaced", "StockReserved", "PaymentCharged")
BACK = ("PaymentRefunded", "StockReleased", "OrderFailed")
DEAD = "c-dead"
# Order → its events; each is caused by the one before it, or by the one with the given number, 1-based.
CHOREOGRAPHED: dict[str, tuple[str | tuple[str, int], ...]] = {
    "c-done": (*FORWARD, "ShipmentCreated", "PaymentSettled", "StockSettled", "OrderCompleted"),
    "c-sold-out": ("OrderPlaced", "StockRejected", "OrderFailed"),
    "c-declined": ("OrderPlaced", "StockReserved", "PaymentDeclined", "StockReleased", "OrderFailed"),
    "c-refused": (*FORWARD, "ShipmentRefused", *BACK),
    "c-timed-out": (*FORWARD, TIMED_OUT, "ShipmentRecalled", *BACK),
    # The charge was under way when the deadline passed: its event is too late for a parcel.
    "c-late": (
        *("OrderPlaced", "StockReserved", TIMED_OUT, ("PaymentCharged", 2), ("ShipmentRecalled", 3)),
        *BACK,
    ),
    # The parcel was final when the deadline passed: the order goes on, by two ways, of which one is too late to end it.
    "c-final": (
        *(*FORWARD, "ShipmentCreated", TIMED_OUT, ("PaymentSettled", 4), "StockSettled", ("ShipmentCreated", 5)),
        *(("OrderCompleted", 7), ("PaymentSettled", 8), "StockSettled"),
    ),
    DEAD: FORWARD,
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


def _play(shop: GoodShop, order: str, script: tuple[str | tuple[str, int], ...]) -> None:
    """Append these events to an order, each after the effect that it reports; the rest is consumed too late."""
    shop.place(order, "choreographed")
    types: list[str] = []
    unconsumed: dict[int, str] = {}
    for number, entry in enumerate(script, start=1):
        of_type, because = (entry, number - 1) if isinstance(entry, str) else entry
        if of_type in REACTIONS and of_type not in types:
            REACTIONS[of_type](shop, order)
        if because and of_type != TIMED_OUT:
            _consume(shop, order, because, unconsumed.pop(because), of_type)
        event_id, cause = f"{order} {number}", f"{order} {because}" if because else None
        publisher = PUBLISHERS[of_type]
        shop.add("events", EventRow(event_id, order, publisher, of_type, cause, 0, shop.tick(), shop.tick()))
        shop.add("traced", TracedRow(event_id, order, publisher, of_type, cause, 0))
        types.append(of_type)
        unconsumed[number] = of_type
    for number, of_type in unconsumed.items():
        if of_type in LISTENS and order != DEAD:
            _consume(shop, order, number, of_type, None)


def _consume(shop: GoodShop, order: str, number: int, of_type: str, follows: str | None) -> None:
    consumer, _ = LISTENS[of_type]
    shop.add("consumed", Consumed(consumer, f"{order} {number}", order, of_type, follows, shop.tick()))
