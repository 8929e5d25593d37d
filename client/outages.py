"""What Temporal's errors mean to a caller, and how a call outlasts a server that is away for a while."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from temporalio.service import RPCError, RPCStatusCode

from models.errors import Conflict, NotFound, NotSetUp, OrderError, Unavailable

A = TypeVar("A")
# How long a command that waits outlasts an outage, in seconds: a restart of a server takes less.
OUTLASTED = 60.0
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 2.0

# A connection that breaks has one of these, with a text of the transport. CANCELLED alone is a timeout of the caller.
BROKEN = {RPCStatusCode.UNKNOWN, RPCStatusCode.CANCELLED, RPCStatusCode.INTERNAL}
TRANSPORT = (
    "transport",
    "connection",
    "broken pipe",
    "h2 protocol",
    "stream closed",
    "operation was canceled",
    "context canceled",
)
# What the SDK says of an answer in HTTP alone: a proxy, whose server is away, has answered in its place.
FROM_A_PROXY = "mapped from http status code"
REFUSALS = {RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED}
AWAY = {
    RPCStatusCode.UNAVAILABLE,
    RPCStatusCode.DEADLINE_EXCEEDED,
    RPCStatusCode.RESOURCE_EXHAUSTED,
    RPCStatusCode.ABORTED,
}


def is_outage(error: Exception) -> bool:
    """Return whether the same call may succeed once a server is back; a refusal of the caller is no outage."""
    if isinstance(error, RPCError):
        return error.status in AWAY or _transport(error) or lacks_namespace(error)
    return isinstance(error, Unavailable) and not error.lasting


def lacks_namespace(error: RPCError) -> bool:
    """Return whether the server says that it lacks the namespace, as it does while its own database is away."""
    return error.status is RPCStatusCode.NOT_FOUND and error.message.casefold().startswith("namespace ")


def lacks_workflow(error: Exception) -> bool:
    """Return whether the server has no such workflow."""
    return isinstance(error, RPCError) and error.status is RPCStatusCode.NOT_FOUND and not lacks_namespace(error)


def _transport(error: RPCError) -> bool:
    said = error.message.casefold()
    return _from_a_proxy(error) or (error.status in BROKEN and any(word in said for word in TRANSPORT))


def _from_a_proxy(error: RPCError) -> bool:
    return FROM_A_PROXY in error.message.casefold() and error.status not in REFUSALS


_DOES_NOT_ANSWER = (Unavailable, "Temporal does not answer: {}")
_REFUSED = (Unavailable, "Temporal refuses this client: {}; see TEMPORAL_API_KEY and TEMPORAL_TLS")
# A status that is not here, such as INVALID_ARGUMENT, is explained only by a bug of ours.
_MEANING: dict[RPCStatusCode, tuple[type[OrderError], str]] = {
    RPCStatusCode.UNAVAILABLE: _DOES_NOT_ANSWER,
    RPCStatusCode.ABORTED: _DOES_NOT_ANSWER,
    RPCStatusCode.UNKNOWN: _DOES_NOT_ANSWER,
    RPCStatusCode.CANCELLED: _DOES_NOT_ANSWER,
    RPCStatusCode.INTERNAL: _DOES_NOT_ANSWER,
    RPCStatusCode.DATA_LOSS: _DOES_NOT_ANSWER,
    RPCStatusCode.DEADLINE_EXCEEDED: (Unavailable, "Temporal did not answer in time: {}"),
    RPCStatusCode.RESOURCE_EXHAUSTED: (
        Unavailable,
        "a limit of Temporal is met: {}; send the same command again later",
    ),
    RPCStatusCode.PERMISSION_DENIED: _REFUSED,
    RPCStatusCode.UNAUTHENTICATED: _REFUSED,
    RPCStatusCode.UNIMPLEMENTED: (NotSetUp, "the Temporal server does not offer what is needed: {}"),
    RPCStatusCode.NOT_FOUND: (NotFound, "Temporal does not have it: {}"),
    RPCStatusCode.ALREADY_EXISTS: (Conflict, "Temporal refuses it: {}"),
    RPCStatusCode.FAILED_PRECONDITION: (Conflict, "Temporal refuses it: {}"),
}


def error_of(error: RPCError) -> OrderError | None:
    """Return the error of this project for an error of Temporal's; None for one that only a bug here explains."""
    said = " ".join(error.message.split())[:300] or "without a message"
    if lacks_namespace(error):
        return Unavailable(f"Temporal does not have the namespace now: {said}")
    if "search attribute" in said:
        return NotSetUp(f"{said}: run `python starter.py setup`")
    known = _DOES_NOT_ANSWER if _from_a_proxy(error) else _MEANING.get(error.status)
    return known[0](known[1].format(said)) if known else None


def known_error(error: Exception) -> OrderError | None:
    """Return the error of this project for an error of any kind; None for one that only a bug here explains."""
    if isinstance(error, RPCError):
        return error_of(error)
    return error if isinstance(error, OrderError) else None


class Outages:
    """Repeats calls while a server is away, for at most `seconds` (by default OUTLASTED) after the first that failed.

    Shared by all calls of a command. `note` gets a line at the beginning of an outage, and ever more rarely after it.
    """

    def __init__(self, note: Callable[[str], None] = lambda _: None, seconds: float | None = None) -> None:
        self.note, self._seconds = note, OUTLASTED if seconds is None else seconds
        self._since: float | None = None
        self._due, self._between = 0.0, 0.0

    def within(self, seconds: float) -> "Outages":
        """Return one with the same notes, for a wait that ends after `seconds` whatever happens."""
        return Outages(self.note, min(seconds, self._seconds))

    async def outlast(self, call: Callable[[], Awaitable[A]]) -> A:
        """Return what the call returns, which may be repeated; raise its error when the outage lasts too long."""
        pause = FIRST_PAUSE
        while True:
            try:
                answer = await call()
            except (RPCError, Unavailable) as error:
                if not is_outage(error) or self._lasts_too_long(error):
                    raise
            else:
                self._since = None
                return answer
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _lasts_too_long(self, error: RPCError | Unavailable) -> bool:
        now = time.monotonic()
        if self._since is None:
            self._since, self._due, self._between = now, now, 15.0
        left = self._since + self._seconds - now
        if left > 0 and now >= self._due:
            known = error_of(error) if isinstance(error, RPCError) else error
            self.note(f"{known}; waits for it, {left:.0f} s at most")
            self._due, self._between = now + self._between, 2 * self._between
        return left <= 0
