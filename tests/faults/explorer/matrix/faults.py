"""The explored faults, and the action of each on an attempt."""

from typing import Literal, get_args

from tests.faults.injection.injecting import Action

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
]
Kind = Literal["dedicated", "relay", "other"]
FAULTS: tuple[Fault, ...] = get_args(Fault)
CANCELS = frozenset({"cancel", "cancel-update", "cancel-heard", "kill-cancel"})
DEADLY = frozenset({"kill", "kill-cancel", "stop"})
LATE = frozenset({"duplicate", "zombie", "zombie-undone", "stop", "terminate-zombie"})
LATE |= {"zombies-undone", "reused", "rival", "crossed"}
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
}
# Faults without an action in a worker: they come from outside.
FROM_OUTSIDE = frozenset({"refuse", "again"})
AGAIN = frozenset({"duplicate", "zombie", "zombie-undone"})
EACH_TIME = frozenset({"errors", "final", "hangs", "cancel", "cancel-update", "deadline", "terminate"})
