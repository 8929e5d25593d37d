"""Sagas as Temporal workflow code: a run completes, undoes its effects in reverse order, or waits for an operator.

A run of steps T1..Tn ends as T1..Tn or as T1..Tj Cj..C1 (Garcia-Molina and Salem, "Sagas", 1987). The kinds of steps
(compensatable, pivot, retriable) are those of Richardson, microservices.io/patterns/data/saga.html. Example:

    def call(activity, attempts=4):
        return Call(activity, lambda run, key: Ask(key, run.subject), lambda run: activity.__name__, Policy(attempts))

    def outcome(run, key):
        return Ended(key, run.outcome, run.reason)

    TRIP = Saga(
        Step("hotel", do=call(book_hotel), undo=call(cancel_hotel, attempts=8)),
        Step("flight", do=call(book_flight), undo=call(cancel_flight, attempts=8), kind=Kind.PIVOT),
        Step("invoice", do=call(send_invoice), undo=None, kind=Kind.RETRIABLE),
        close=Call(record_outcome, outcome, lambda run: run.outcome, Policy(attempts=0)),  # after the last undo
    )

    @workflow.defn
    class TripWorkflow:
        @workflow.init
        def __init__(self, city: str) -> None:
            self.saga = Run(TRIP, process=workflow.info().workflow_id, subject=city, changed=lambda: None)

        @workflow.run
        async def run(self, city: str) -> str:
            await self.saga.execute()  # a cancel of the workflow turns it back, too
            await workflow.wait_condition(workflow.all_handlers_finished)
            return self.saga.status  # completed, compensated, cancelled or failed

        @workflow.update
        def decide(self, step: str, verb: str, actor: str, evidence: str) -> None:
            self.saga.resolve(step, verb, audit=[actor, evidence])

        @decide.validator
        def check(self, step: str, verb: str, actor: str, evidence: str) -> None:
            if objection := self.saga.decision_objection(step, verb, evidence=bool(evidence)):
                raise ValueError(objection)

Contract of the activities:

- Two calls with the same idempotency key have one effect.
- The undo of an effect that never happened succeeds, and a later do with that key fails.
- The undo of an effect that is final (its process was settled) fails with an error type of `Policy.settled`.
- A refusal (the effect did not happen and never will) is a non-retryable ApplicationError of category BENIGN. The
  policy retries any other retryable failure.
- A reply's field `attempt`, or the first detail of an ApplicationError, is the number of the attempt, for the history.
"""

from temporal_saga.calls import ONCE
from temporal_saga.decisions import Parked
from temporal_saga.declaration import Call, Group, InWorkflow, Kind, Saga, Step, StepEvent, Wait
from temporal_saga.failures import Failure, FailureClass, classify
from temporal_saga.history import Execution
from temporal_saga.plan import Plan, PlannedUndo
from temporal_saga.policy import Policy
from temporal_saga.recovery import RecoveredRun
from temporal_saga.run import Outcome, Run
from temporal_saga.stopping import StopReason

__all__ = [
    "ONCE",
    "Call",
    "Execution",
    "Failure",
    "FailureClass",
    "Group",
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
