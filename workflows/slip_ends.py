"""What every slip does before its first stop, after its last, and once it is undone."""

from dataclasses import replace

from temporalio import workflow

from workflows import policies
from workflows.order_steps import why
from workflows.saga import Call, Inside, Kind, Policy, Run, Step

with workflow.unsafe.imports_passed_through():
    from activities.operators import OperatorActivities
    from activities.slips import SlipActivities
    from models.activities.operators import Alert
    from models.activities.slips import AcceptSlip, CloseSlip
    from models.names import slip_process


def _accepted(run: Run, key: str) -> AcceptSlip:
    slip = run.subject.slip
    return AcceptSlip(key=key, order_id=slip_process(slip.slip_id), slip=slip)


def _closing(run: Run, key: str) -> CloseSlip:
    it = run.subject
    standing = not run.unwinding
    return CloseSlip(
        key=key,
        order_id=slip_process(it.slip.slip_id),
        slip_id=it.slip.slip_id,
        body_hash=it.slip.body_hash(),
        outcome="terminated" if standing and it.terminated else run.outcome,
        reserve_keys=it.keys(run, "stock") if standing else (),
        charge_keys=it.keys(run, "money") if standing else (),
        reason=(it.terminated or "") if standing else why(run),
    )


def _alert(run: Run, key: str) -> Alert:
    parked = list(run.parked.values())[-1]
    return Alert(
        key=key,
        order_id=slip_process(run.subject.slip.slip_id),
        step=parked.step.name,
        direction=parked.direction,
        failure=f"{parked.failure.type}: {parked.failure.message}",
        at_risk=parked.at_risk,
        currency="EUR",
    )


async def _no_way_back(run: Run, _request: None) -> None:
    """Have the history know first: what follows is never undone, not even when its workflow task is lost."""
    if workflow.patched("settle-in-history"):
        run.revise(SETTLE_IN_HISTORY)


ALERT = Call(OperatorActivities.alert_operators, _alert, lambda _: "tell the operators", policies.ALERT)
CLOSE = Call(SlipActivities.close_slip, _closing, lambda _: "keep the outcome", policies.CLOSE)

# Around the stops of every slip; a slip that ships has its point of no return there.
ACCEPT = Step(
    "accept",
    do=Call(SlipActivities.accept_slip, _accepted, lambda _: "accept the slip", policies.VALIDATE),
    undo=None,
    has_effect=False,
)
COMMIT = Step(
    "commit",
    do=Inside(_no_way_back, lambda _run, _key: (), lambda _: "no way back from here"),
    undo=None,
    kind=Kind.PIVOT,
    has_effect=False,
)


def _settle(policy: Policy) -> Step:
    do = Call(SlipActivities.close_slip, _closing, lambda _: "settle stock and money", policy)
    return Step("settle", do=do, undo=None, kind=Kind.RETRIABLE)


# Local where a stop was the point of no return, whose answer stands in the history.
SETTLE = _settle(policies.COMPLETE)
SETTLE_IN_HISTORY = _settle(replace(policies.COMPLETE, express=None))
