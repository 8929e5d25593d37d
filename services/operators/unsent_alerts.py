"""Alerts that could not be sent: each becomes a dead letter in one transaction, and a redrive sends it again."""

from messaging.dead_letters.dead_letters import DeadLetters
from models.activities.operators import Alert
from models.attempts import ALERT_ATTEMPTS
from models.dead_letters import DeadLetter, Undeliverable
from models.names import workflow_of
from postgres.database import Database
from services.operators.alerts import Alerts

CHANNEL = "alerts"

_GIVE_UP = b"""
update operators.alerts set given_up_at = now()
where sent_at is null and given_up_at is null and raised_at < now() - make_interval(secs => %(older_than)s)
returning key, order_id, step, direction, failure, at_risk, currency
"""


class UnsentAlerts:
    """Moves alerts that could not be sent to the dead letters."""

    def __init__(self, db: Database, letters: DeadLetters) -> None:
        self._db, self._letters = db, letters

    async def give_up(self, older_than: float) -> int:
        """Move the alerts raised more than `older_than` seconds ago; return their number; raise Unavailable."""
        async with self._db.transaction() as connection:
            rows = await self._db.rows(_GIVE_UP, {"older_than": older_than}, connection)
            for key, order_id, step, direction, failure, at_risk, currency in rows:
                alert = Alert(
                    key=key,
                    order_id=order_id,
                    step=step,
                    direction=direction,
                    failure=failure,
                    at_risk=at_risk,
                    currency=currency,
                )
                await self._letters.record(_dead(alert), connection)
        return len(rows)


class AlertRedriver:
    """Sends alerts again."""

    def __init__(self, alerts: Alerts) -> None:
        self._alerts = alerts

    async def redrive(self, letter: DeadLetter) -> None:
        """Send the alert through every notifier; raise Unavailable when one can't be reached."""
        await self._alerts.send(Alert.model_validate_json(letter.original))

    async def discard(self, letter: DeadLetter, unit: Database) -> None:
        """Do nothing: the alert stays marked as given up."""


def _dead(alert: Alert) -> Undeliverable:
    return Undeliverable(
        channel=CHANNEL,
        message_id=alert.key,
        original=alert.model_dump_json().encode(),
        error_type="Unavailable",
        cause=f"no operator could be reached: {alert.step} {alert.direction}: {alert.failure}",
        attempts=ALERT_ATTEMPTS,
        process_id=workflow_of(alert.order_id),
        correlation_id=alert.order_id,
        place="operators.alerts",
        # An alert reports something that has happened, so no message of its order has to wait for it.
        blocks=False,
    )
