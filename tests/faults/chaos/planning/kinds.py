"""The kinds of orders in a chaos run: their special data, and the act on each."""

from dataclasses import dataclass
from enum import StrEnum


class Act(StrEnum):
    """What a customer, a bank or an operator does to a running order."""

    NOTHING = "nothing"
    CANCEL = "cancel"
    CANCEL_NATIVELY = "cancel_natively"
    SETTLE = "settle"
    FAIL = "fail"
    TERMINATE = "terminate"
    DELETE = "delete"
    RESET = "reset"


@dataclass(frozen=True)
class FaultKind:
    """A kind of order, by the test values of the provider and the carrier.

    `share` is the relative number of orders; a `slow` kind takes 30 s without faults; an `alone` kind is never
    choreographed; `copies` is the maximum of concurrent placings, cancels or bank events of one order.
    A kind with `transfer_seconds` is paid by bank transfer, within so many seconds.
    """

    share: int
    tokens: tuple[str, ...] = ("tok_ok",)
    postcodes: tuple[str, ...] = ("69001",)
    act: Act = Act.NOTHING
    scarce: bool = False
    slow: bool = False
    alone: bool = False
    copies: int = 1
    transfer_seconds: int = 0


# Orders to cancel or to lose fail a few times first, so that they are still running at the act.
DELAYED = ("tok_flaky_2", "tok_flaky_3")

KINDS = {
    "fine": FaultKind(38),
    "repeated": FaultKind(6, copies=5),
    "declined": FaultKind(8, tokens=("tok_declined",)),
    "no_stock": FaultKind(6, scarce=True),
    "refused": FaultKind(8, postcodes=("00000",)),
    "flaky": FaultKind(6, tokens=("tok_flaky_1", "tok_flaky_2"), postcodes=("69001", "00001", "00002")),
    "cancelled": FaultKind(5, tokens=DELAYED, act=Act.CANCEL, alone=True, copies=2),
    "cancelled_natively": FaultKind(3, tokens=DELAYED, act=Act.CANCEL_NATIVELY, alone=True),
    "hangs": FaultKind(4, tokens=("tok_hang_after",), slow=True),
    "lost_after": FaultKind(2, tokens=("tok_lost_after",), slow=True),
    "lost_found": FaultKind(2, tokens=("tok_lost_found",), slow=True),
    "refund_flaky": FaultKind(2, tokens=("tok_refund_flaky_1", "tok_refund_flaky_2"), postcodes=("00000",)),
    "refund_fails": FaultKind(3, tokens=("tok_refund_fails",), postcodes=("00000",), slow=True),
    "transfer": FaultKind(4, act=Act.SETTLE, alone=True, transfer_seconds=30, copies=3),
    "transfer_fails": FaultKind(2, act=Act.FAIL, alone=True, transfer_seconds=30, copies=2),
    "transfer_never": FaultKind(1, alone=True, transfer_seconds=5),
    "terminated": FaultKind(2, tokens=DELAYED, act=Act.TERMINATE, alone=True, slow=True),
    "deleted": FaultKind(2, tokens=DELAYED, act=Act.DELETE, alone=True, slow=True),
    "reset": FaultKind(2, tokens=("tok_flaky_1",), act=Act.RESET, alone=True),
}
