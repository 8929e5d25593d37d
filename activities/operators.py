"""Alerting operators of what waits for them, as an activity."""

from typing import Protocol

from temporalio import activity

from models.activities.operators import Alert, Alerted


class AlertsService(Protocol):
    """What this activity needs of the service."""

    async def log_once(self, alert: Alert) -> bool:
        """Keep the alert and log it, once for its key; return whether this call did."""
        ...

    async def send(self, alert: Alert) -> None:
        """Hand the alert to every notifier, once for its key."""
        ...


class OperatorActivities:
    """Alert operators."""

    def __init__(self, alerts: AlertsService) -> None:
        self._alerts = alerts

    @activity.defn
    async def alert_operators(self, alert: Alert) -> Alerted:
        """Log once and count it in the metric `orders_parked`, whether or not a notifier can be reached; then send."""
        new = await self._alerts.log_once(alert)
        if new:
            counter = activity.metric_meter().create_counter("orders_parked", "Effects that wait for a person")
            counter.add(1, {"step": alert.step, "direction": alert.direction})
        await self._alerts.send(alert)
        return Alerted(new=new)
