"""Timeouts and numbers of attempts of the activities; changing a value does not break running workflows.

The timeout of a database statement is well below that of an attempt, which is well below a worker's drain time.
"""

from dataclasses import replace
from datetime import timedelta

from temporalio import workflow

from temporal_saga import Policy

with workflow.unsafe.imports_passed_through():
    from models.attempts import ALERT_ATTEMPTS, ATTEMPT, DO_ATTEMPTS, HEARTBEAT, UNDO_ATTEMPTS
    from models.errors import AlreadySettled, AlreadyUndone, NotBegun

# Well below the 10 s timeout of the workflow task in which a local attempt runs.
LOCAL = timedelta(seconds=2)

# The errors of attempts that began nothing, which use up none.
NOT_BEGUN = frozenset({NotBegun.__name__})
# The answer to an undo whose process was settled: it can only go forward.
SETTLED = frozenset({AlreadySettled.__name__})


def _policy(attempts: int, express: timedelta | None = None, settled: frozenset[str] = frozenset()) -> Policy:
    return Policy(attempts, ATTEMPT, HEARTBEAT, express=express, not_begun=NOT_BEGUN, settled=settled)


# After the last attempt, the run goes back.
DO = _policy(DO_ATTEMPTS)
# After the last attempt, the undo is parked.
UNDO = _policy(UNDO_ATTEMPTS, settled=SETTLED)
# What a recovery asks every service that may know its process. An answer can't be skipped as a parked undo can, so it
# waits for a service that is away.
ASK = _policy(0)
# A probe runs only after the last attempt of a do had no answer.
PROBE = _policy(2)
VALIDATE = _policy(DO_ATTEMPTS, LOCAL)
# After the pivot a step can't be undone: it is parked after about eight minutes.
COMPLETE = _policy(20, LOCAL)
SETTLE = COMPLETE
# The first settlement decides: when its effect was undone meanwhile, the run goes back, and nothing else is settled.
SETTLE_FIRST = replace(SETTLE, undone=frozenset({AlreadyUndone.__name__}))
# No effect is open any more and the outcome must be recorded, so the attempts have no limit.
CLOSE = _policy(0, LOCAL)
# A transfer that has arrived must be recorded, so the attempts have no limit.
BOOK = _policy(0, LOCAL)
# The longest wait for a bank transfer if the order has no payment.deadline_seconds.
TRANSFER = timedelta(days=3)
# After the last attempt, the alert remains in the log, in its table and in the list of parked effects.
ALERT = Policy(attempts=ALERT_ATTEMPTS, timeout=ATTEMPT, express=LOCAL, not_begun=NOT_BEGUN)
