"""The limits of one activity call: attempts, times, and what its errors mean."""

from dataclasses import dataclass
from datetime import timedelta

from temporalio.common import RetryPolicy

# Of one attempt; longer times overflow in the server's protocol or in a calendar.
LONGEST = timedelta(days=366)
# The server counts attempts in 32 bits.
ATTEMPTS_AT_MOST = 2**31 - 1


@dataclass(frozen=True)
class Policy:
    """The limits of one call: `attempts` (0 means without limit), `timeout` and `heartbeat` of one attempt.

    `longest_delay` is the upper limit of the backoff between attempts. With `express`, a local activity with that
    timeout comes first: it saves a task, and is safe because every effect has an idempotency key. `not_begun` are the
    error types of attempts that began nothing of the request: they use up no attempt, as an activity that no worker has
    registered does. `settled` are the error types with which an undo says that the effect is final, and `undone` those
    with which the first step after the pivot says that the pivot was undone: see Run.execute.
    Raises ValueError for a number of attempts or a time that the server can't count.
    """

    attempts: int = 4
    timeout: timedelta = timedelta(seconds=10)
    heartbeat: timedelta | None = None
    longest_delay: timedelta = timedelta(seconds=30)
    express: timedelta | None = None
    not_begun: frozenset[str] = frozenset()
    settled: frozenset[str] = frozenset()
    undone: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if not 0 <= self.attempts <= ATTEMPTS_AT_MOST:
            raise ValueError(f"attempts: must be 0, for no limit, or up to {ATTEMPTS_AT_MOST}, not {self.attempts}")
        for name in ("timeout", "heartbeat", "longest_delay", "express"):
            time = getattr(self, name)
            if time is not None and not timedelta() < time <= LONGEST:
                raise ValueError(f"{name}: must be above 0 and at most {LONGEST.days} days, not {time}")

    def retries(self, first: timedelta = timedelta(seconds=1)) -> RetryPolicy:
        """Return Temporal's retry policy: a backoff of 1, 2, 4 ... times `first`, up to `longest_delay`."""
        return RetryPolicy(
            initial_interval=min(first, self.longest_delay),
            backoff_coefficient=2.0,
            maximum_interval=self.longest_delay,
            maximum_attempts=self.attempts,
        )
