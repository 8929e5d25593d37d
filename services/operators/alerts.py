"""Alerts: one for each effect that waits for an operator, in the log and through every notifier."""

from collections.abc import Sequence

import structlog

from models.activities.operators import Alert
from models.errors import Conflict, NotFound
from postgres.connection import begun
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
_SENT = b"update operators.alerts set sent_at = now(), logged_only = false where key = %(key)s"
_LOGGED_ONLY = b"update operators.alerts set logged_only = true where key = %(key)s and sent_at is null"
_KNOWN = b"select key from operators.alerts where key = any(%(keys)s)"
_READ = b"""
select key, order_id, step, direction, failure, at_risk, currency from operators.alerts where key = %(key)s
"""
NO_RECEIVER = "the workers have no receiver of alerts: set ORDERS_ALERT_WEBHOOK on every worker, then redrive it"


class Alerts:
    """Records, logs and sends alerts."""

    def __init__(self, db: Database, notifiers: Sequence[Notifier] = ()) -> None:
        self._db, self._notifiers = db, notifiers

    async def log_once(self, alert: Alert) -> bool:
        """Store and log the alert once for its key; return whether this call did; raise Unavailable."""
        new = await self._db.row(_RAISE, alert.model_dump()) is not None
        if new:
            log.error("needs attention", **alert.model_dump(exclude={"key"}))
        return new

    async def known(self, keys: Sequence[str]) -> set[str]:
        """Return those of the keys that have an alert; raise Unavailable."""
        return {key for (key,) in await self._db.rows(_KNOWN, {"keys": list(keys)})}

    async def send(self, alert: Alert) -> None:
        """Send a logged alert through every notifier; raise Unavailable when a notifier can't be reached.

        Delivery is at least once: after a crash before `sent_at` is stored, the alert is sent again with the same key.
        Without a notifier, the alert is marked as one that only the log has.
        """
        if (await self._db.row(_IS_SENT, {"key": alert.key}) or (False,))[0]:
            return
        for notifier in self._notifiers:
            await notifier.notify(alert)
        with begun():
            await self._db.rows(_SENT if self._notifiers else _LOGGED_ONLY, {"key": alert.key})

    async def send_again(self, key: str) -> None:
        """Send the stored alert of a key; raise NotFound, Conflict without a notifier, Unavailable."""
        row = await self._db.row(_READ, {"key": key})
        if row is None:
            raise NotFound(f"there is no alert {key}")
        if not self._notifiers:
            raise Conflict(NO_RECEIVER)
        await self.send(alert_of(row))


def alert_of(row: Sequence[object]) -> Alert:
    """Return the alert of a row with the columns of _READ."""
    return Alert.model_validate(dict(zip(Alert.model_fields, row, strict=True)))
