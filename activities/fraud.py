"""The activity of the fraud service."""

from typing import Protocol

from temporalio import activity

from models.activities.fraud import CheckFraud, FraudChecked


class FraudService(Protocol):
    """The port to the fraud service."""

    def check(self, request: CheckFraud) -> FraudChecked:
        """Return whether the amount is suspicious, and the revision for that case."""
        ...


class FraudActivities:
    """The activity that checks for fraud."""

    def __init__(self, desk: FraudService) -> None:
        self._desk = desk

    @activity.defn
    async def check_fraud(self, request: CheckFraud) -> FraudChecked:
        """Return whether the amount is suspicious, and how the itinerary changes then."""
        return self._desk.check(request)
