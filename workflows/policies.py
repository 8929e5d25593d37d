"""How long the order's activities may take and how often they are tried. Values may change; running orders don't mind.

A database statement is bounded well below an attempt, an attempt well below a worker's drain.
"""

from datetime import timedelta

from temporalio import workflow

from temporal_saga import Policy

with workflow.unsafe.imports_passed_through():
    from models.attempts import ALERT_ATTEMPTS, ATTEMPT, DO_ATTEMPTS, HEARTBEAT, UNDO_ATTEMPTS

# Short next to the 10 s of a workflow task, inside which a local attempt runs.
LOCAL = timedelta(seconds=2)

# After the last attempt, compensation.
DO = Policy(attempts=DO_ATTEMPTS, timeout=ATTEMPT, heartbeat=HEARTBEAT)
# After the last attempt it waits for a person.
UNDO = Policy(attempts=UNDO_ATTEMPTS, timeout=ATTEMPT, heartbeat=HEARTBEAT)
# Asked only after a do's every attempt went without an answer.
PROBE = Policy(attempts=2, timeout=ATTEMPT, heartbeat=HEARTBEAT)
VALIDATE = Policy(attempts=DO_ATTEMPTS, timeout=ATTEMPT, heartbeat=HEARTBEAT, express=LOCAL)
# After the pivot there is only forward: about eight minutes, then it waits for a person.
COMPLETE = Policy(attempts=20, timeout=ATTEMPT, heartbeat=HEARTBEAT, express=LOCAL)
# Nothing is open any more and the outcome must be kept: for ever.
CLOSE = Policy(attempts=0, timeout=ATTEMPT, heartbeat=HEARTBEAT, express=LOCAL)
# Money that has arrived must be written down: for ever.
BOOK = Policy(attempts=0, timeout=ATTEMPT, heartbeat=HEARTBEAT, express=LOCAL)
# How long a bank transfer may take when the order says nothing else.
TRANSFER = timedelta(days=3)
# A notifier that is down for longer leaves the alert in the log, in its table and in the list of what waits.
ALERT = Policy(attempts=ALERT_ATTEMPTS, timeout=ATTEMPT, express=LOCAL)
