"""Kinds of orders: the way to a step, and the end without a further fault."""

from dataclasses import dataclass, replace
from typing import Literal

from tests.faults.injection.injecting import Action, Point

# Texts in the statements of the points.
INVENTORY, PAYMENTS, SHIPPING = ('"inventory".receipts', '"payments".receipts', '"shipping".receipts')
CARD, CARRIER = ('"card_provider".entries', '"carrier".entries')
LEDGER, PARCELS, ORDERS = ("payments.ledger", "shipping.parcels", "orders.orders")


@dataclass(frozen=True)
class PathDriver:
    """A fault that is not under test but brings the order to the step that is.

    When it has struck, the explorer does what `then` says, and releases it.
    """

    activity: str
    point: Point
    action: Action
    which: str = ""
    mark: str = ""
    always: bool = False
    then: Literal["", "deadline", "recall", "cancel", "cancel-update", "terminate"] = ""


@dataclass(frozen=True)
class Path:
    """A kind of order, and its end without a further fault."""

    name: str
    token: str = "tok_ok"
    postcode: str = "69001"
    transfer: bool = False
    express: bool = False
    too_many: bool = False
    deadline: int | None = None
    drivers: tuple[PathDriver, ...] = ()
    status: str = "completed"
    undone: tuple[str, ...] = ()
    parks: bool = False
    # Seconds until the order reaches the step on an idle machine.
    seconds: int = 1


ROUTE_BACK = ("charge", "reserve")
TO_SHIP = ("ship", *ROUTE_BACK)
HAPPY = Path("happy")
EXPRESS = Path("express", express=True)
SOLD_OUT = Path("sold-out", too_many=True, status="compensated")
DECLINED = Path("declined", token="tok_declined", status="compensated", undone=("reserve",))
REFUSED = Path("refused", postcode="00000", status="compensated", undone=ROUTE_BACK)
EXPRESS_REFUSED = replace(REFUSED, name="express-refused", express=True)
LANDED_AND_BACK = Path(
    "landed-and-back",
    drivers=(PathDriver("create_shipment", "done", "final"),),
    status="compensated",
    undone=TO_SHIP,
)
# Ways back whose first undo is the recall, of a parcel that nobody has handed over yet.
CANCELLED = Path(
    "cancelled",
    drivers=(PathDriver("create_shipment", "before", "await-cancel", then="cancel"),),
    status="cancelled",
    undone=TO_SHIP,
)
RECOVERED = Path(
    "recovered",
    drivers=(PathDriver("create_shipment", "before", "stand", then="terminate"),),
    status="compensated",
    undone=TO_SHIP,
    seconds=20,
)
EXPRESS_LOST = Path(
    "express-lost",
    express=True,
    drivers=(PathDriver("create_shipment", "before", "kill", then="cancel"),),
    status="cancelled",
    undone=TO_SHIP,
    seconds=6,
)
EXPRESS_UPDATED = replace(
    EXPRESS_LOST,
    name="express-updated",
    drivers=(PathDriver("create_shipment", "before", "kill", then="cancel-update"),),
)
PARKED = Path(
    "parked",
    postcode="00000",
    drivers=(PathDriver("refund_payment", "before", "final"),),
    status="compensated",
    undone=("reserve", "charge"),
    parks=True,
)
TRANSFER = Path("transfer", transfer=True)
TRANSFER_BACK = Path("transfer-back", transfer=True, postcode="00000", status="compensated", undone=ROUTE_BACK)
LOST_CHARGE = Path("lost-charge", token="tok_lost_found", seconds=28)
LOST_PARCEL = Path("lost-parcel", drivers=(PathDriver("create_shipment", "done", "hang", always=True),), seconds=28)
# The deadline passes after the carrier accepted the parcel and before its answer: the parcel must be taken back.
# Only the parcel's receipt orders the two deliveries, so the answer arrives when the recall has written it.
TIMED_OUT = Path(
    "timed-out",
    deadline=2,
    drivers=(
        PathDriver("handle_event", "called", "stand", "shipping:PaymentCharged", CARRIER, always=True, then="recall"),
    ),
    status="compensated",
    undone=TO_SHIP,
    seconds=8,
)
