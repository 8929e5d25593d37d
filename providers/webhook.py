"""Alerts by webhook: one POST per alert, to a pager, a chat or a ticket system."""

import asyncio
import logging

import httpx

from models.activities.operators import Alert
from models.errors import Unavailable

# Shorter than the 5 s timeout of the alerting activity.
SECONDS_TO_ANSWER = 4.0
LONGEST_WAIT = 300.0


class WebhookNotifier:
    """Implements Notifier: POSTs the alert as JSON, with its key in the header `Idempotency-Key`."""

    def __init__(self, url: str, seconds_to_answer: float = SECONDS_TO_ANSWER) -> None:
        self._url, self._seconds = url, seconds_to_answer
        # httpx logs the whole URL at INFO, and a webhook's URL is often a secret.
        logging.getLogger("httpx").setLevel(logging.WARNING)

    async def notify(self, alert: Alert) -> None:
        """Send the alert; raise Unavailable on a timeout, a connection error, or any status but 2xx."""
        headers = {"Idempotency-Key": alert.key, "Content-Type": "application/json"}
        try:
            # httpx limits each phase of a call separately; asyncio.timeout limits the whole call.
            # Only the status and the headers are read: a body may be endless, or grow when it is decompressed.
            async with (
                asyncio.timeout(self._seconds),
                self._client() as client,
                client.stream("POST", self._url, content=alert.model_dump_json(), headers=headers) as answer,
            ):
                pass
        # TimeoutError is an OSError; the last two are about a proxy that httpx can't use, such as one by SOCKS.
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, ImportError) as error:
            raise Unavailable(f"alert webhook: {type(error).__name__}") from None
        if not answer.is_success:
            raise Unavailable(f"alert webhook: answered {answer.status_code}", _retry_after(answer))

    def _client(self) -> httpx.AsyncClient:
        """Return a client, whose plain HTTP, which is for this machine only, goes through no proxy of a variable."""
        return httpx.AsyncClient(timeout=self._seconds, trust_env=httpx.URL(self._url).scheme == "https")


def _retry_after(answer: httpx.Response) -> float | None:
    """Return the Retry-After header in seconds, None when it is missing or a date."""
    seconds = answer.headers.get("Retry-After", "")
    return min(float(seconds), LONGEST_WAIT) if seconds.isascii() and seconds.isdigit() else None
