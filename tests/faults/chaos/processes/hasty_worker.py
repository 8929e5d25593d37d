"""`worker.py` for a run of a minute: a failing undo is parked after seconds instead of minutes.

python -m tests.faults.chaos.processes.hasty_worker [--relay-only | --serve NAME]
The reconciler's heartbeat is shorter, too, so that the loss of its worker is noticed. Nothing else is changed: an undo
still has more attempts than its do, and unlimited retries stay unlimited.
"""

import sys
from dataclasses import replace
from datetime import timedelta

import activities.deliveries
import worker
import workflows.recovery.reconciler
from runtime.process import leave, without_workflows
from serving import participants
from temporal_saga import Policy
from workflows import policies

LONGEST_DELAY = timedelta(seconds=4)
HEARTBEAT = timedelta(seconds=2)
UNDO_ATTEMPTS = 5


def hurry() -> None:
    """Shorten the policies of this process in place: the saga was declared with these objects."""
    object.__setattr__(policies.UNDO, "attempts", UNDO_ATTEMPTS)
    for policy in vars(policies).values():
        if isinstance(policy, Policy):
            object.__setattr__(policy, "longest_delay", LONGEST_DELAY)
    workflows.recovery.reconciler.HEARTBEAT = HEARTBEAT
    deliveries = activities.deliveries
    deliveries._RETRY = replace(deliveries._RETRY, maximum_interval=LONGEST_DELAY)


if __name__ == "__main__":
    hurry()
    leave(participants.main() if without_workflows(sys.argv[1:]) else worker.main())
