"""Connection strings with time limits, and the mapping of transient PostgreSQL errors to Unavailable."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from models.errors import InvalidInput, Unavailable

# In milliseconds. Each limit is shorter than an activity's timeout, so that no statement of a timed-out attempt goes on
# unnoticed. They also release the locks of a process that is frozen in the middle of a transaction.
LIMITS = {
    "statement_timeout": 4_000,
    "lock_timeout": 3_000,
    "idle_in_transaction_session_timeout": 5_000,
}
# Supported by PostgreSQL 17 and later. The other limits don't apply while the server waits for the rest of a pipeline,
# for example of a process that is frozen between two statements. The limit is longer than any transaction may take.
LIMITS_SINCE_17 = {"transaction_timeout": 20_000}
VERSION_17 = 170_000
# On SSDs a random page costs about as much as a sequential one. With the default of 4, PostgreSQL scans a table of some
# ten thousand rows instead of reading a few rows by key.
PLANNING = {"random_page_cost": 1.1}
CONNECT_TIMEOUT_SECONDS = 5

TRANSIENT = (
    psycopg.OperationalError,
    psycopg.errors.IdleInTransactionSessionTimeout,
    psycopg.errors.TransactionTimeout,
    psycopg.errors.ReadOnlySqlTransaction,
)


def connection_string(url: str, limits: Mapping[str, int] = LIMITS) -> str:
    """Return `url` with time limits, in milliseconds; raise InvalidInput when `url` isn't a PostgreSQL address."""
    try:
        given: dict[str, Any] = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        # The message leaves the value out: it may hold a password.
        raise InvalidInput("DATABASE_URL", "is not a PostgreSQL address") from None
    wanted = {**limits, **PLANNING}
    options = [str(given.get("options") or ""), *(f"-c {name}={value}" for name, value in wanted.items())]
    given.setdefault("connect_timeout", CONNECT_TIMEOUT_SECONDS)
    return make_conninfo(**given | {"options": " ".join(options).strip()})


def place_of(conninfo: str) -> str:
    """Return HOST:PORT/NAME or HOST/NAME of a connection string, without what it leaves to libpq's own variables."""
    given = conninfo_to_dict(conninfo)
    host, port = str(given.get("host") or given.get("hostaddr") or ""), given.get("port")
    return f"{host}:{port}/{given.get('dbname') or ''}" if port else f"{host}/{given.get('dbname') or ''}"


@contextmanager
def unavailable() -> Iterator[None]:
    """Turn every transient error (lost connection, timeout, deadlock, full pool) into Unavailable."""
    try:
        yield
    except TRANSIENT as error:
        lines = str(error).strip().splitlines()
        raise Unavailable(f"database: {lines[0] if lines else type(error).__name__}") from error
