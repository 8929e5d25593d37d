"""Alerts that no operator has received, and the alerts of dead letters.

The reconciler's round calls all three methods. One alert that can't be sent, or read, stops none of the others.
"""

import asyncio
import json
from typing import Any

import structlog
from psycopg.rows import TupleRow

from messaging.dead_letters.dead_letters import DeadLetters
from models.activities.operators import LETTER, Alert
from models.attempts import ALERT_ATTEMPTS
from models.dead_letters import DeadLetter, Undeliverable
from models.errors import Unavailable
from models.names import name_of_workflow, workflow_of
from postgres.database import Database
from services.operators.alerts import Alerts, alert_of

log = structlog.get_logger("alerts")

CHANNEL = "alerts"
LETTERS_AT_ONCE = 500
ALERTS_AT_ONCE = 100
# A workflow sends its alert itself at first.
SECONDS_TO_BE_SENT = 30.0
CONCURRENT_SENDS = 10
FAILURE_AT_MOST = 1000
# ISO 4217: no currency is involved.
NO_CURRENCY = "XXX"
COLUMNS = ("key", "order_id", "step", "direction", "failure", "at_risk", "currency")

_UNSENT = b"""
select key, order_id, step, direction, failure, at_risk, currency from operators.alerts
where sent_at is null and given_up_at is null and not logged_only
  and raised_at < now() - make_interval(secs => %(older_than)s)
order by raised_at limit %(limit)s
"""
_GIVE_UP = b"""
update operators.alerts set given_up_at = now() where key = %(key)s and sent_at is null and given_up_at is null
returning key
"""


class UnsentAlerts:
    """Sends alerts again, and moves those that could not be sent to the dead letters."""

    def __init__(self, db: Database, letters: DeadLetters, alerts: Alerts) -> None:
        self._db, self._letters, self._alerts = db, letters, alerts

    async def alert_of_letters(self) -> int:
        """Record an alert for each open letter that blocks a process and has none; return how many; raise Unavailable.

        So every dead letter has an alert, whatever recorded it.
        """
        recorded, after = 0, 0
        while letters := await self._letters.open(limit=LETTERS_AT_ONCE, after=after):
            after = letters[-1].letter_id
            alerts = [alert for letter in letters if letter.blocks and (alert := _alert(letter))]
            known = await self._alerts.known([alert.key for alert in alerts])
            for alert in alerts:
                recorded += alert.key not in known and await self._alerts.log_once(alert)
        return recorded

    async def send_again(self, older_than: float = SECONDS_TO_BE_SENT) -> int:
        """Send the alerts raised more than `older_than` seconds ago; return how many were sent; raise Unavailable."""
        rows = await self._db.rows(_UNSENT, {"older_than": older_than, "limit": ALERTS_AT_ONCE})
        gate = asyncio.Semaphore(CONCURRENT_SENDS)

        async def sent(row: TupleRow) -> bool:
            async with gate:
                try:
                    await self._alerts.send(alert_of(row))
                except (Unavailable, ValueError) as error:
                    log.warning("an alert can't be sent now", key=row[0], error=" ".join(str(error).split())[:300])
                    return False
            return True

        return sum(await asyncio.gather(*map(sent, rows)))

    async def give_up(self, older_than: float) -> int:
        """Move the alerts raised more than `older_than` seconds ago; return their number; raise Unavailable."""
        given_up = 0
        while rows := await self._db.rows(_UNSENT, {"older_than": older_than, "limit": ALERTS_AT_ONCE}):
            for row in rows:
                async with self._db.transaction() as connection:
                    if await self._db.row(_GIVE_UP, {"key": row[0]}, connection):
                        await self._letters.record(_dead(dict(zip(COLUMNS, row, strict=True))), connection)
                        given_up += 1
        return given_up


def _alert(letter: DeadLetter) -> Alert | None:
    """Return the alert of a letter, None when there can be none, because it names no process that may exist."""
    process = name_of_workflow(letter.process_id).process if letter.process_id else letter.channel
    failure = f"{letter.place}: {letter.error_type}: {letter.cause}; dead letter {letter.letter_id}"
    try:
        return Alert(
            key=f"{process}:{letter.channel}:{LETTER}:{letter.letter_id}",
            order_id=process,
            step=letter.channel,
            direction=LETTER,
            failure=" ".join(failure.split())[:FAILURE_AT_MOST],
            at_risk=letter.at_risk,
            currency=letter.currency or NO_CURRENCY,
        )
    except ValueError as error:
        log.warning("a dead letter has no alert", letter_id=letter.letter_id, error=" ".join(str(error).split())[:300])
        return None


def _dead(alert: dict[str, Any]) -> Undeliverable:
    """Return the dead letter of a stored alert, also of one that this version can't read."""
    return Undeliverable(
        channel=CHANNEL,
        message_id=alert["key"],
        original=json.dumps(alert).encode(),
        error_type="Unavailable",
        cause=f"no operator could be reached: {alert['step']} {alert['direction']}: {alert['failure']}",
        attempts=ALERT_ATTEMPTS,
        process_id=workflow_of(alert["order_id"]),
        correlation_id=alert["order_id"],
        place="operators.alerts",
        # An alert reports something that has happened, so no message of its order has to wait for it.
        blocks=False,
        at_risk=alert["at_risk"],
        currency=alert["currency"],
    )
