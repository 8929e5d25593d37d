"""The call that alerts operators of a parked effect, for any kind of process."""

from collections.abc import Callable
from typing import TypeVar

from temporalio import workflow

from temporal_saga import Call, Run
from workflows import policies

with workflow.unsafe.imports_passed_through():
    from activities.operators import OperatorActivities
    from models.activities.operators import FAILURE_AT_MOST, Alert, Alerted
    from models.problems import shown

S = TypeVar("S")


def alert_call(currency: Callable[[Run[S]], str]) -> Call[S, Alerted]:
    """Return the call that alerts operators of the effect parked last; `currency`: run → ISO 4217 code."""

    def request(run: Run[S], key: str) -> Alert:
        parked = list(run.parked.values())[-1]
        return Alert(
            key=key,
            order_id=run.process,
            step=parked.step.name,
            direction=parked.direction,
            failure=shown(parked.failure.text, FAILURE_AT_MOST),
            at_risk=parked.at_risk,
            currency=currency(run),
        )

    return Call(OperatorActivities.alert_operators, request, lambda _: "alert the operators", policies.ALERT)
