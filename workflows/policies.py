"""Timeouts and numbers of attempts of the activities; changing a value does not break running workflows.

The timeout of a database statement is well below that of an attempt, which is well below a worker's drain time.
"""

from datetime import timedelta

from temporalio import workflow

from temporal_saga import Policy

with workflow.unsafe.imports_passed_through():
    from models.attempts import ALERT_ATTEMPTS, ATTEMPT, DO_ATTEMPTS, HEARTBEAT, UNDO_ATTEMPTS

# Well below the 10 s timeout of the workflow task in which a local attempt runs.
LOCAL = timedelta(seconds=2)

# After the last attempt, the run goes back.
DO = Policy(attempts=DO_ATTEMPTS, timeout=ATTEMPT, heartbeat=HEARTBEAT)
# After the last attempt, the undo is parked.
UNDO = Policy(attempts=UNDO_ATTEMPTS, timeout=ATTEMPT, heartbeat=HEARTBEAT)
# A probe runs only after the last attempt of a do had no answer.
PROBE = Policy(attempts=2, timeout=ATTEMPT, heartbeat=HEARTBEAT)
VALIDATE = Policy(attempts=DO_ATTEMPTS, timeout=ATTEMPT, heartbeat=HEARTBEAT, express=LOCAL)
# After the pivot a step can't be undone: it is parked after about eight minutes.
COMPLETE = Policy(attempts=20, timeout=ATTEMPT, heartbeat=HEARTBEAT, express=LOCAL)
# No effect is open any more and the outcome must be recorded, so the attempts have no limit.
CLOSE = Policy(attempts=0, timeout=ATTEMPT, heartbeat=HEARTBEAT, express=LOCAL)
# A transfer that has arrived must be recorded, so the attempts have no limit.
BOOK = Policy(attempts=0, timeout=ATTEMPT, heartbeat=HEARTBEAT, express=LOCAL)
# The longest wait for a bank transfer if the order has no payment.deadline_seconds.
TRANSFER = timedelta(days=3)
# After the last attempt, the alert remains in the log, in its table and in the list of parked effects.
ALERT = Policy(attempts=ALERT_ATTEMPTS, timeout=ATTEMPT, express=LOCAL)
