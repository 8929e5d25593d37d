"""The explored faults, and the action of each on an attempt."""

from typing import Literal, get_args

from tests.faults.injection.injecting import Action, Point

Fault = Literal[
    "refuse",
    "error",
    "errors",
    "final",
    "hang",
    "hangs",
    "lost-commit",
    "duplicate",
    "zombie",
    "zombie-undone",
    "kill",
    "stop",
    "cancel",
    "cancel-update",
    "cancel-heard",
    "deadline",
    "terminate",
    "terminate-zombie",
    "zombies-undone",
    "kill-cancel",
    "reused",
    "rival",
    "crossed",
    "overtaken",
    "again",
    "failover",
    "settled",
    "settled-paid",
    "settled-error",
    "settled-hangs",
    "late-before",
    "late-crossing",
    "late-settled",
    "late-paid",
]
Kind = Literal["dedicated", "relay", "other"]
FAULTS: tuple[Fault, ...] = get_args(Fault)
CANCELS = frozenset({"cancel", "cancel-update", "cancel-heard", "kill-cancel"})
DEADLY = frozenset({"kill", "kill-cancel", "stop"})
LATE = frozenset({"duplicate", "zombie", "zombie-undone", "stop", "terminate-zombie"})
LATE |= {"zombies-undone", "reused", "rival", "crossed"}
# A late run does every step of the order, and settles its parcel, while this order goes back.
SETTLED = frozenset({"settled", "settled-paid", "settled-error", "settled-hangs"})
# The workflow is terminated, and its held attempt continues at this moment of the recovery's way forward.
MOMENTS: dict[Fault, tuple[str, Point]] = {
    "late-before": ("settle_shipment", "before"),
    "late-crossing": ("settle_shipment", "sent"),
    "late-settled": ("settle_shipment", "done"),
    "late-paid": ("settle_payment", "done"),
}
LATE |= SETTLED | MOMENTS.keys()
# The deadline in seconds of an order that must time out: well after the order reaches the step under test.
SECONDS_TO_LIVE = 8

ACTIONS: dict[Fault, Action] = {
    "error": "error",
    "errors": "error",
    "final": "final",
    "hang": "hang",
    "hangs": "hang",
    "lost-commit": "lose",
    "duplicate": "duplicate",
    "zombie": "hold",
    "zombie-undone": "hold",
    "kill": "kill",
    "stop": "stop",
    "cancel": "stand",
    "cancel-update": "stand",
    "cancel-heard": "await-cancel",
    "deadline": "stand",
    "terminate": "stand",
    "terminate-zombie": "hold",
    "zombies-undone": "line",
    "kill-cancel": "kill",
    "reused": "reuse",
    "rival": "rival",
    "crossed": "cross",
    "overtaken": "stand",
    "failover": "read-only",
    "settled": "settle",
    "settled-paid": "settle-pay",
    "settled-error": "settle-fail",
    "settled-hangs": "settle-hang",
    **dict.fromkeys(MOMENTS, "hold"),
}
# Faults without an action in a worker: they come from outside.
FROM_OUTSIDE = frozenset({"refuse", "again"})
AGAIN = frozenset({"duplicate", "zombie", "zombie-undone"})
EACH_TIME = SETTLED | {"errors", "final", "hangs", "cancel", "cancel-update", "deadline", "terminate"}
