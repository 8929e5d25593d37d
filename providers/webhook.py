"""Alerts by webhook: one POST each, to a pager, a chat or a ticket system."""

import asyncio
import logging

import httpx

from models.activities.operators import Alert
from models.errors import Unavailable

# An attempt of the alerting activity has 5 s.
SECONDS_TO_ANSWER = 4.0
LONGEST_WAIT = 300.0


class WebhookNotifier:
    """Implements services.ports.Notifier: POSTs the alert as JSON, under its key in the header `Idempotency-Key`."""

    def __init__(self, url: str, seconds_to_answer: float = SECONDS_TO_ANSWER) -> None:
        self._url, self._seconds = url, seconds_to_answer
        # It would log the whole address, which is often a secret.
        logging.getLogger("httpx").setLevel(logging.WARNING)

    async def notify(self, alert: Alert) -> None:
        """Tell of the alert; raise Unavailable on no answer in time, and on any answer but a 2xx."""
        headers = {"Idempotency-Key": alert.key, "Content-Type": "application/json"}
        try:
            # httpx limits each phase of a call; what counts here is all of it.
            async with asyncio.timeout(self._seconds), httpx.AsyncClient(timeout=self._seconds) as client:
                answer = await client.post(self._url, content=alert.model_dump_json(), headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:  # TimeoutError is an OSError
            raise Unavailable(f"alert webhook: {type(error).__name__}") from None
        if not answer.is_success:
            raise Unavailable(f"alert webhook: answered {answer.status_code}", _retry_after(answer))


def _retry_after(answer: httpx.Response) -> float | None:
    """The seconds after which the other side wants to be asked again, if it said so in seconds."""
    said = answer.headers.get("Retry-After", "")
    return min(float(said), LONGEST_WAIT) if said.isascii() and said.isdigit() else None
