"""Sagas as Temporal workflow code: the effects end as T1..Tn, or T1..Tj undone as Cj..C1, or parked for a person.

Declare a saga once, start one run of it in a workflow, and await it (Garcia-Molina & Salem 1987; step kinds after
Richardson):

    RESERVE = Step("reserve", do=RESERVE_STOCK, undo=RELEASE_STOCK)
    SHIP = Step("ship", do=HAND_OVER, undo=RECALL, kind=Kind.PIVOT)
    SAGA = Saga(RESERVE, SHIP, close=CLOSE)
    run = Run(SAGA, process="o-1", subject=order, changed=lambda: None)
    await run.execute()     # never cut short by a cancel; run.status says how it ended

What an activity must keep: the same key twice is one effect; the undo of what never happened succeeds, and makes a
late do fail. Refuse with a non-retryable ApplicationError of category BENIGN; any other failure is retried by the
policy. A reply's `attempt` field, or the first detail of an ApplicationError, tells on which attempt it came.
"""

from temporal_saga.calls import ONCE
from temporal_saga.decisions import Parked
from temporal_saga.declaration import Call, InWorkflow, Kind, Policy, Saga, Step, StepEvent, Wait
from temporal_saga.failures import Failure, FailureClass, classify
from temporal_saga.history import Execution
from temporal_saga.plan import Plan, PlannedUndo
from temporal_saga.recovery import RecoveredRun
from temporal_saga.run import Outcome, Run
from temporal_saga.stopping import StopReason

__all__ = [
    "ONCE",
    "Call",
    "Execution",
    "Failure",
    "FailureClass",
    "InWorkflow",
    "Kind",
    "Outcome",
    "Parked",
    "Plan",
    "PlannedUndo",
    "Policy",
    "RecoveredRun",
    "Run",
    "Saga",
    "Step",
    "StepEvent",
    "StopReason",
    "Wait",
    "classify",
]
