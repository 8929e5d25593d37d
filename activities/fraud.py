"""The fraud desk as an activity."""

from typing import Protocol

from temporalio import activity

from models.activities.fraud import CheckFraud, FraudChecked


class FraudService(Protocol):
    """What this activity needs of the desk."""

    def check(self, request: CheckFraud) -> FraudChecked:
        """Return whether the amount is suspicious, and the revision that follows."""
        ...


class FraudActivities:
    """Look for fraud."""

    def __init__(self, desk: FraudService) -> None:
        self._desk = desk

    @activity.defn
    async def check_fraud(self, request: CheckFraud) -> FraudChecked:
        """Tell whether a person must look at the amount, and how the itinerary changes then."""
        return self._desk.check(request)
