"""Alerts of which nobody could be told: given up in one transaction with their dead letter, told again by a redrive."""

from models.deadletters import DeadLetter, Undeliverable
from models.names import workflow_id
from models.steps import Alert
from services.alerts import Alerts
from services.database import Database
from services.deadletters import DeadLetters
from services.orders import Orders

CHANNEL = "alerts"
# Twenty attempts, after 1, 2, 4, 8, 16 and then every 30 s: the policy of the alerting activity.
ATTEMPTS = 20
# ISO 4217 for "no currency": the order was closed before it came.
NO_CURRENCY = "XXX"

_GIVE_UP = b"""
update operators.alerts set given_up_at = now()
where told_at is null and given_up_at is null and raised_at < now() - make_interval(secs => %(older_than)s)
returning key, order_id, step, direction, failure, at_risk
"""


class UntoldAlerts:
    """Moves alerts that nobody was told of to the dead letters."""

    def __init__(self, db: Database, orders: Orders, letters: DeadLetters) -> None:
        self._db, self._orders, self._letters = db, orders, letters

    async def give_up(self, older_than: float) -> int:
        """Move the alerts that were raised more than `older_than` seconds ago; return how many; raise Unavailable."""
        async with self._db.transaction() as connection:
            rows = await self._db.rows(_GIVE_UP, {"older_than": older_than}, connection)
            for key, order_id, step, direction, failure, at_risk in rows:
                order = await self._orders.find(order_id, connection)
                alert = Alert(
                    key=key,
                    order_id=order_id,
                    step=step,
                    direction=direction,
                    failure=failure,
                    at_risk=at_risk,
                    currency=order.total.currency if order and order.total else NO_CURRENCY,
                )
                await self._letters.record(_dead(alert), connection)
        return len(rows)


class AlertRedriver:
    """Tells people again."""

    def __init__(self, alerts: Alerts) -> None:
        self._alerts = alerts

    async def redrive(self, letter: DeadLetter) -> None:
        """Hand the alert to every notifier; raise Unavailable when one can't be reached."""
        await self._alerts.tell(Alert.model_validate_json(letter.original))


def _dead(alert: Alert) -> Undeliverable:
    return Undeliverable(
        channel=CHANNEL,
        message_id=alert.key,
        original=alert.model_dump_json().encode(),
        error_type="Unavailable",
        cause=f"nobody could be told of: {alert.step} {alert.direction}: {alert.failure}",
        attempts=ATTEMPTS,
        process_id=workflow_id(alert.order_id),
        correlation_id=alert.order_id,
        place="operators.alerts",
        # An alert is about the past: nothing of its order has to wait for it.
        blocks=False,
    )
