"""Alerts: operators hear once of each effect that waits for a person, in the log and through every notifier."""

from collections.abc import Sequence

import structlog

from models.activities.operators import Alert
from postgres.database import Database
from providers.ports import Notifier

log = structlog.get_logger("alerts")

_RAISE = b"""
insert into operators.alerts (key, order_id, step, direction, failure, at_risk, currency)
values (%(key)s, %(order_id)s, %(step)s, %(direction)s, %(failure)s, %(at_risk)s, %(currency)s)
on conflict (key) do nothing
returning key
"""
_IS_SENT = b"select sent_at is not null from operators.alerts where key = %(key)s"
_SENT = b"update operators.alerts set sent_at = now() where key = %(key)s"


class Alerts:
    """Alerts operators."""

    def __init__(self, db: Database, notifiers: Sequence[Notifier] = ()) -> None:
        self._db, self._notifiers = db, notifiers

    async def log_once(self, alert: Alert) -> bool:
        """Keep the alert and log it, once for its key; return whether this call did; raise Unavailable."""
        new = await self._db.row(_RAISE, alert.model_dump()) is not None
        if new:
            log.error("needs attention", **alert.model_dump(exclude={"key"}))
        return new

    async def send(self, alert: Alert) -> None:
        """Hand a logged alert to every notifier, once for its key; raise Unavailable when one can't be reached.

        A crash between a notifier's answer and our note of it sends that notifier the alert again, with the same key.
        """
        if (await self._db.row(_IS_SENT, {"key": alert.key}) or (False,))[0]:
            return
        for notifier in self._notifiers:
            await notifier.notify(alert)
        await self._db.rows(_SENT, {"key": alert.key})
