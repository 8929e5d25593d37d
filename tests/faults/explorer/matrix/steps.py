"""The explored steps in both styles: their points, and the kind of order that reaches each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tests.faults.explorer.matrix.paths import (
    CANCELLED,
    CARD,
    CARRIER,
    DECLINED,
    EXPRESS,
    EXPRESS_LOST,
    EXPRESS_REFUSED,
    EXPRESS_UPDATED,
    HAPPY,
    INVENTORY,
    LANDED_AND_BACK,
    LEDGER,
    LOST_CHARGE,
    LOST_PARCEL,
    ORDERS,
    PARCELS,
    PARKED,
    PAYMENTS,
    RECOVERED,
    REFUSED,
    ROUTE_BACK,
    SHIPPING,
    SOLD_OUT,
    TIMED_OUT,
    TO_SHIP,
    TRANSFER,
    TRANSFER_BACK,
    Path,
)
from tests.faults.injection.injecting import RELAY, Point

Style = Literal["orchestrated", "choreographed"]
Stage = Literal["do", "pivot", "forward", "undo", "probe", "close", "aside", "relay"]
POINTS: tuple[Point, ...] = ("before", "fenced", "called", "sent", "done", "answered")
IN_A_TRANSACTION = ""
Undos = tuple[str, ...]


@dataclass(frozen=True)
class Step:
    """A step: its activity, the texts in the statements of its points, the path that leads to it, and its stage.

    `undos` are the undos that run when the order is undone during this step.
    """

    name: str
    style: Style
    path: Path
    stage: Stage
    activity: str
    which: str = ""
    marks: Mapping[Point, str] = field(default_factory=dict)
    undos: Undos = ()
    local: bool = False
    refused: bool = False

    @property
    def ends(self) -> bool:
        """Whether the order ends with this step."""
        return self.name in {"complete", "close", "fail"}

    @property
    def outside(self) -> bool:
        """Whether the step calls an outside party."""
        return "called" in self.marks


_CHARGE: Mapping[Point, str] = {"called": CARD, "sent": PAYMENTS}
_SHIP: Mapping[Point, str] = {"called": CARRIER, "sent": SHIPPING}
_REFUND: Mapping[Point, str] = {"fenced": PAYMENTS, "called": CARD, "sent": LEDGER}
_RECALLING: Mapping[Point, str] = {"fenced": SHIPPING, "called": CARRIER}
_RECALL: Mapping[Point, str] = {**_RECALLING, "sent": PARCELS}
_O: Style = "orchestrated"
_C: Style = "choreographed"


def _express(
    name: str,
    stage: Stage,
    activity: str,
    marks: Mapping[Point, str],
    path: Path = EXPRESS,
    undos: Undos = TO_SHIP,
) -> Step:
    """Return a step inside of the order's only workflow task: a cancel undoes every possible effect of the task."""
    return Step(f"express-{name}", _O, path, stage, activity, marks=marks, undos=undos, local=True)


ORCHESTRATED = (
    Step("validate", _O, HAPPY, "do", "validate_order", marks={"sent": ORDERS}, local=True),
    Step("reserve", _O, HAPPY, "do", "reserve_inventory", marks={"sent": INVENTORY}, undos=("reserve",)),
    Step(
        "reserve-refused",
        _O,
        SOLD_OUT,
        "do",
        "reserve_inventory",
        marks={"sent": INVENTORY},
        undos=("reserve",),
        refused=True,
    ),
    Step("charge", _O, HAPPY, "do", "charge_payment", marks=_CHARGE, undos=ROUTE_BACK),
    Step("charge-refused", _O, DECLINED, "do", "charge_payment", marks=_CHARGE, undos=ROUTE_BACK, refused=True),
    Step("ship", _O, HAPPY, "pivot", "create_shipment", marks=_SHIP, undos=TO_SHIP),
    Step("ship-refused", _O, REFUSED, "pivot", "create_shipment", marks=_SHIP, undos=TO_SHIP, refused=True),
    Step("settle_shipment", _O, HAPPY, "forward", "settle_shipment", marks={"sent": SHIPPING}, local=True),
    Step("settle_payment", _O, HAPPY, "forward", "settle_payment", marks={"sent": PAYMENTS}, local=True),
    Step("settle_stock", _O, HAPPY, "forward", "settle_stock", marks={"sent": INVENTORY}, local=True),
    Step("complete", _O, HAPPY, "forward", "complete_order", "completed", {"sent": ORDERS}, local=True),
    Step("release", _O, REFUSED, "undo", "release_inventory", marks={"sent": INVENTORY}),
    Step("refund", _O, REFUSED, "undo", "refund_payment", marks=_REFUND),
    Step("cancel_shipment", _O, LANDED_AND_BACK, "undo", "cancel_shipment", marks=_RECALL),
    Step("recall-cancelled", _O, CANCELLED, "undo", "cancel_shipment", marks=_RECALLING),
    Step("recall-recovered", _O, RECOVERED, "undo", "cancel_shipment", marks=_RECALLING),
    Step("recall-express", _O, EXPRESS_LOST, "undo", "cancel_shipment", marks=_RECALLING, local=True),
    Step("recall-updated", _O, EXPRESS_UPDATED, "undo", "cancel_shipment", marks=_RECALLING, local=True),
    Step("close", _O, REFUSED, "close", "complete_order", "undone", {"sent": ORDERS}, local=True),
    Step(
        "alert",
        _O,
        PARKED,
        "aside",
        "alert_operators",
        marks={"fenced": "insert into operators.alerts", "sent": "set logged_only"},
        local=True,
    ),
    Step(
        "expect_transfer",
        _O,
        TRANSFER,
        "do",
        "charge_payment",
        marks={"sent": "insert into payments.transfers"},
        undos=ROUTE_BACK,
    ),
    Step(
        "book_transfer",
        _O,
        TRANSFER,
        "do",
        "book_transfer",
        marks={"sent": PAYMENTS},
        undos=ROUTE_BACK,
        local=True,
    ),
    Step("return_transfer", _O, TRANSFER_BACK, "undo", "refund_payment", marks={"sent": PAYMENTS}),
    Step("find_charge", _O, LOST_CHARGE, "probe", "find_charge", marks=_CHARGE, undos=ROUTE_BACK),
    _express("reserve", "do", "reserve_inventory", {"sent": INVENTORY}),
    _express("charge", "do", "charge_payment", _CHARGE),
    _express("ship", "pivot", "create_shipment", _SHIP),
    _express("settle_shipment", "forward", "settle_shipment", {"sent": SHIPPING}, undos=()),
    _express("settle_payment", "forward", "settle_payment", {"sent": PAYMENTS}, undos=()),
    _express("settle_stock", "forward", "settle_stock", {"sent": INVENTORY}, undos=()),
    _express("release", "undo", "release_inventory", {"sent": INVENTORY}, EXPRESS_REFUSED, ()),
    _express("refund", "undo", "refund_payment", _REFUND, EXPRESS_REFUSED, ()),
    Step("find_shipment", _O, LOST_PARCEL, "probe", "find_shipment", marks=_SHIP, undos=TO_SHIP),
)

_NO_SQL: Mapping[Point, str] = {"sent": IN_A_TRANSACTION}


def _reaction(
    name: str, path: Path, stage: Stage, which: str, marks: Mapping[Point, str] | None = None, refused: bool = False
) -> Step:
    """Return a reaction of the choreographed style: its effect, its inbox entry and its event are one transaction."""
    return Step(name, _C, path, stage, "handle_event", which, {**(marks or {}), **_NO_SQL}, refused=refused)


def _published(of_type: str, subscriber: str) -> Step:
    return Step(f"publish-{of_type}", _C, HAPPY, "relay", RELAY, f"{subscriber}:{of_type}", {"called": "", "sent": ""})


_CARD: Mapping[Point, str] = {"called": CARD}
_CARRIER: Mapping[Point, str] = {"called": CARRIER}
_REFUNDING: Mapping[Point, str] = {"fenced": PAYMENTS, "called": CARD}
CHOREOGRAPHED = (
    _reaction("reserve", HAPPY, "do", "inventory:OrderPlaced"),
    _reaction("reserve-refused", SOLD_OUT, "do", "inventory:OrderPlaced", refused=True),
    _reaction("charge", HAPPY, "do", "payments:StockReserved", _CARD),
    _reaction("charge-refused", DECLINED, "do", "payments:StockReserved", _CARD, refused=True),
    _reaction("ship", HAPPY, "pivot", "shipping:PaymentCharged", _CARRIER),
    _reaction("ship-refused", REFUSED, "pivot", "shipping:PaymentCharged", _CARRIER, refused=True),
    _reaction("settle_payment", HAPPY, "forward", "payments:ShipmentCreated"),
    _reaction("settle_stock", HAPPY, "forward", "inventory:PaymentSettled"),
    _reaction("complete", HAPPY, "forward", "orders:StockSettled"),
    _reaction("refund", REFUSED, "undo", "payments:ShipmentRefused", _REFUNDING),
    _reaction("release", REFUSED, "undo", "inventory:PaymentRefunded"),
    _reaction("recall", TIMED_OUT, "undo", "shipping:OrderTimedOut", _RECALLING),
    _reaction("fail", REFUSED, "close", "orders:StockReleased"),
    _published("OrderPlaced", "inventory"),
    _published("StockReserved", "payments"),
    _published("PaymentCharged", "shipping"),
    _published("ShipmentCreated", "payments"),
    _published("PaymentSettled", "inventory"),
    _published("StockSettled", "orders"),
)

STEPS: tuple[Step, ...] = ORCHESTRATED + CHOREOGRAPHED


def ordinary_step(step: Step) -> Step | None:
    """Return the step of an ordinary order that corresponds to a step of an express order; None for any other."""
    name = step.name.removeprefix("express-")
    return next(each for each in ORCHESTRATED if each.name == name) if name != step.name else None
