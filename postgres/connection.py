"""How a connection to PostgreSQL is made: its time limits, and the one place where its troubles become Unavailable."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from models.errors import InvalidInput, Unavailable

# Every wait here must end before an activity's own timeout does, or an attempt that was given up goes on unseen.
# A process that is frozen in the middle of a transaction loses its locks, too. All in milliseconds.
LIMITS = {
    "statement_timeout": 4_000,
    "lock_timeout": 3_000,
    "idle_in_transaction_session_timeout": 5_000,
}
# Known from PostgreSQL 17 on. None of the others counts while the server waits for the rest of what it was begun to be
# sent, as by a process that is frozen between two statements of a pipeline. Longer than any transaction may take.
LIMITS_SINCE_17 = {"transaction_timeout": 20_000}
VERSION_17 = 170_000
# On the disks of today any page costs about what the next one does; without that PostgreSQL reads all of a table of
# some ten thousand rows rather than a few by its key.
PLANNING = {"random_page_cost": 1.1}
CONNECT_TIMEOUT_SECONDS = 5

PASSING = (
    psycopg.OperationalError,
    psycopg.errors.IdleInTransactionSessionTimeout,
    psycopg.errors.TransactionTimeout,
    psycopg.errors.ReadOnlySqlTransaction,
)


def connection_string(url: str, limits: Mapping[str, int] = LIMITS) -> str:
    """Return `url` with time limits, in ms; raise InvalidInput when it isn't a PostgreSQL address."""
    try:
        given: dict[str, Any] = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        # Without the value: it may hold a password.
        raise InvalidInput("DATABASE_URL", "is not a PostgreSQL address") from None
    wanted = {**limits, **PLANNING}
    options = [str(given.get("options") or ""), *(f"-c {name}={value}" for name, value in wanted.items())]
    given.setdefault("connect_timeout", CONNECT_TIMEOUT_SECONDS)
    return make_conninfo(**given | {"options": " ".join(options).strip()})


@contextmanager
def unavailable() -> Iterator[None]:
    """Turn every trouble that may pass (lost connection, timeout, deadlock, full pool) into Unavailable."""
    try:
        yield
    except PASSING as error:
        told = str(error).strip().splitlines()
        raise Unavailable(f"database: {told[0] if told else type(error).__name__}") from error
