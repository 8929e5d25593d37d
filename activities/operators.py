"""Telling people what waits for them, as an activity."""

from temporalio import activity

from models.steps import Alert, Alerted
from services.alerts import Alerts


class OperatorActivities:
    """Alert operators."""

    def __init__(self, alerts: Alerts) -> None:
        self._alerts = alerts

    @activity.defn
    async def alert_operators(self, alert: Alert) -> Alerted:
        """Log once and count it in the metric `orders_parked`, whether or not a notifier can be reached; then tell."""
        new = await self._alerts.log_once(alert)
        if new:
            counter = activity.metric_meter().create_counter("orders_parked", "Effects that wait for a person")
            counter.add(1, {"step": alert.step, "direction": alert.direction})
        await self._alerts.tell(alert)
        return Alerted(new=new)
