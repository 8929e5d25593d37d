"""The activity that alerts operators of a parked effect."""

from typing import Protocol

from temporalio import activity

from models.accepted import AcceptedProcess
from models.activities.operators import LETTER, Alert, Alerted
from models.errors import InvalidInput, NotAccepted
from models.recovery import SendAlert


class AlertsService(Protocol):
    """The port to the alerts service."""

    async def log_once(self, alert: Alert) -> bool:
        """Record and log the alert, once per key; return whether this call did."""
        ...

    async def send(self, alert: Alert) -> None:
        """Send the alert to every notifier, once per key."""
        ...

    async def send_again(self, key: str) -> None:
        """Send the stored alert of a key; raise NotFound, Conflict without a notifier."""
        ...


class AcceptedProcesses(Protocol):
    """The port to the services that accept orders and slips."""

    async def of(self, process: str) -> AcceptedProcess | None:
        """Return an accepted process by its name in keys, None when there is none."""
        ...


class OperatorActivities:
    """The activity that alerts operators."""

    def __init__(self, alerts: AlertsService, processes: AcceptedProcesses) -> None:
        self._alerts, self._processes = alerts, processes

    @activity.defn
    async def alert_operators(self, alert: Alert) -> Alerted:
        """Log the alert and count it in the metric `orders_parked`, both once; then send it to the notifiers.

        Raises InvalidInput for the alert of a dead letter, which the reconciler records, NotAccepted, Unavailable.
        """
        if alert.direction == LETTER:
            raise InvalidInput("direction", f"{LETTER} is for the alerts of dead letters")
        if await self._processes.of(alert.order_id) is None:
            raise NotAccepted(f"{alert.key}: no such order or slip was accepted")
        new = await self._alerts.log_once(alert)
        if new:
            counter = activity.metric_meter().create_counter("orders_parked", "Effects that wait for an operator")
            counter.add(1, {"step": alert.step, "direction": alert.direction})
        await self._alerts.send(alert)
        return Alerted(new=new)

    @activity.defn
    async def send_alert(self, task: SendAlert) -> None:
        """Send the stored alert of a key again; raise NotFound, Conflict without a notifier, Unavailable."""
        await self._alerts.send_again(task.key)
