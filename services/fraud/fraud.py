"""The fraud check: an amount over the limit needs an operator's review, or ends the slip."""

from pydantic import JsonValue

from models.activities.fraud import CheckFraud, FraudChecked
from models.slips.slip import NAME_AT_MOST, Revision, Stop

_REVIEW = "-review"


class FraudDesk:
    """Checks amounts against a limit."""

    def check(self, request: CheckFraud) -> FraudChecked:
        """Return whether the amount is suspicious and, if it is, the revision of the slip."""
        if request.amount.amount <= request.limit:
            return FraudChecked(suspicious=False)
        reason = f"{request.amount} is over the limit"
        if request.over == "terminate":
            return FraudChecked(suspicious=True, revision=Revision(terminate=True, reason=reason))
        arguments: dict[str, JsonValue] = {"question": reason, "within_seconds": request.within_seconds}
        asked_at = request.key.rpartition(":")[2]
        review = Stop(
            name=f"{asked_at[: NAME_AT_MOST - len(_REVIEW)]}{_REVIEW}", activity="review", arguments=arguments
        )
        return FraudChecked(suspicious=True, revision=Revision(insert=(review,), reason=reason))
