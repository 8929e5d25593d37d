"""A trip as a saga: book the hotel, then the flight; when the flight fails, cancel the hotel."""

from dataclasses import asdict
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from temporal_saga import Call, Kind, Policy, Run, Saga, Step

with workflow.unsafe.imports_passed_through():
    from examples.trip.activities import TripActivities
    from examples.trip.messages import Ask, Decision, Ended, Trip

DO, UNDO, ALWAYS = Policy(attempts=4), Policy(attempts=8), Policy(attempts=0)  # 0: until it succeeds


def hotel(run: Run[Trip], key: str) -> Ask:
    """Return the request to book or to cancel the hotel."""
    return Ask(key, run.subject.hotel)


def flight(run: Run[Trip], key: str) -> Ask:
    """Return the request to book or to cancel the flight."""
    return Ask(key, run.subject.city)


def ended(run: Run[Trip], _key: str) -> Ended:
    """Return the outcome to record."""
    return Ended(run.process, run.outcome, run.reason)


RECORD = Call(TripActivities.record_outcome, ended, lambda run: f"record: {run.outcome}", ALWAYS)

TRIP = Saga[Trip](
    Step(
        "hotel",
        do=Call(TripActivities.book_hotel, hotel, lambda run: f"book {run.subject.hotel}", DO),
        undo=Call(TripActivities.cancel_hotel, hotel, lambda run: f"cancel {run.subject.hotel}", UNDO),
    ),
    Step(
        "flight",
        do=Call(TripActivities.book_flight, flight, lambda run: f"fly to {run.subject.city}", DO),
        undo=Call(TripActivities.cancel_flight, flight, lambda run: f"no flight to {run.subject.city}", UNDO),
        kind=Kind.PIVOT,  # once the flight is booked, the trip takes place
    ),
    Step("record", do=RECORD, undo=None, kind=Kind.RETRIABLE),
    close=RECORD,  # of a trip that went back, after its last undo
)


@workflow.defn
class TripWorkflow:
    """Runs one trip; its result is completed, compensated, cancelled or failed."""

    @workflow.init
    def __init__(self, trip: Trip) -> None:
        self.saga = Run(TRIP, process=workflow.info().workflow_id, subject=trip, changed=lambda: None)

    @workflow.run
    async def run(self, trip: Trip) -> str:  # noqa: ARG002 - __init__ has it
        """Run the saga until nothing is open; a cancel of the workflow turns it back, too."""
        await self.saga.execute()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self.saga.outcome

    @workflow.query
    def state(self) -> dict[str, Any]:
        """Return the status, the reason, the steps, and the parked ones with their errors."""
        parked = {step: effect.failure.text for step, effect in self.saga.parked.items()}
        steps = [f"{line.step} {line.direction} {line.status}" for line in self.saga.history]
        return {"status": self.saga.status, "reason": self.saga.reason, "parked": parked, "steps": steps}

    @workflow.update
    def resolve(self, decision: Decision) -> str:
        """Accept a decision on a parked step; the history keeps it."""
        self.saga.resolve(decision.step, decision.verb, audit=asdict(decision))
        return self.saga.status

    @resolve.validator
    def check_decision(self, decision: Decision) -> None:
        """Refuse a decision without a name and a reason, and one that the saga can't follow now."""
        if not (decision.actor.strip() and decision.reason.strip()):
            raise ValueError("a decision needs an actor and a reason")
        evidence = bool(decision.evidence.strip())
        if objection := self.saga.decision_objection(decision.step, decision.verb, evidence=evidence):
            raise ValueError(objection)

    @workflow.update
    async def cancel(self, reason: str) -> str:
        """Undo what was booked; fail if the flight is booked in the meantime."""
        self.saga.stop("cancelled", reason)
        await workflow.wait_condition(lambda: self.saga.unwinding or self.saga.pivoted)
        if self.saga.pivoted:
            raise ApplicationError("it is too late to cancel: the flight is booked", non_retryable=True)
        return self.saga.status

    @cancel.validator
    def check_cancel(self, reason: str) -> None:
        """Refuse a cancel without a reason, and one that comes too late."""
        if not reason.strip():
            raise ValueError("a cancel needs a reason")
        if not self.saga.cancellable:
            raise ValueError(f"it is too late to cancel: the trip is {self.saga.status}")
