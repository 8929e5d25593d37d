"""Connection strings with time limits, and the mapping of PostgreSQL's errors to the errors of this project."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.errors import (
    AdminShutdown,
    CannotConnectNow,
    CrashShutdown,
    FeatureNotSupported,
    IdleInTransactionSessionTimeout,
    InsufficientPrivilege,
    InvalidSqlStatementName,
    ReadOnlySqlTransaction,
    TransactionTimeout,
)
from psycopg_pool import PoolTimeout

from models.errors import InvalidInput, NotBegun, Unavailable

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
SETTINGS = {**LIMITS, **PLANNING}
# What an address may override. Without the limits on lost packets, a statement waits a quarter of an hour for a server
# that vanished without closing its connections.
DEFAULTS: dict[str, Any] = {
    "connect_timeout": 5,
    "target_session_attrs": "read-write",  # after a failover, the old server may answer, but only to readers
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}

# A statement that this connection has prepared is void: a pooler has reset the session, or a migration has changed the
# type of a column. Another connection prepares it again.
_VOID = (InvalidSqlStatementName, FeatureNotSupported)
TRANSIENT = (
    psycopg.OperationalError,
    IdleInTransactionSessionTimeout,
    TransactionTimeout,
    ReadOnlySqlTransaction,
    InsufficientPrivilege,
    *_VOID,
)
# The statement, or its connection, was refused before it began.
NOT_BEGUN = (PoolTimeout, ReadOnlySqlTransaction, InsufficientPrivilege, CannotConnectNow)
_NEEDS_RIGHTS = "; grant it to this role, or connect as the owner of the schemas"
# The server can't be used through this connection any more. PostgreSQL closes it after a shutdown, but keeps one that
# is read-only, and a pooler may keep any.
USELESS = (ReadOnlySqlTransaction, AdminShutdown, CrashShutdown, CannotConnectNow, *_VOID)


def connection_string(url: str, settings: Mapping[str, float] = SETTINGS) -> str:
    """Return `url` with the defaults of this project, and with the session's `settings` in the start packet.

    Raises InvalidInput when `url` isn't a PostgreSQL address.
    """
    try:
        given: dict[str, Any] = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        # The message leaves the value out: it may hold a password.
        raise InvalidInput("DATABASE_URL", "is not a PostgreSQL address") from None
    # The variable PGCLIENTENCODING, or an address with another encoding, would change the texts that are stored.
    given = {**DEFAULTS, **given, "client_encoding": "UTF8"}
    options = [str(given.get("options") or ""), *(f"-c {name}={value}" for name, value in settings.items())]
    if packet := " ".join(options).strip():
        given["options"] = packet
    return make_conninfo(**given)


def place_of(conninfo: str) -> str:
    """Return HOST:PORT/NAME or HOST/NAME of a connection string, without what it leaves to libpq's own variables."""
    given = conninfo_to_dict(conninfo)
    host, port = str(given.get("host") or given.get("hostaddr") or ""), given.get("port")
    return f"{host}:{port}/{given.get('dbname') or ''}" if port else f"{host}/{given.get('dbname') or ''}"


@contextmanager
def unavailable(connecting: type[Unavailable] = Unavailable) -> Iterator[None]:
    """Turn every transient error (lost connection, timeout, deadlock, missing right) into Unavailable.

    `connecting=NotBegun` is for a block that only opens a connection. Any other error keeps its class and loses its
    details, which quote the values of rows.
    """
    try:
        yield
    except TRANSIENT as error:
        kind = NotBegun if isinstance(error, NOT_BEGUN) else connecting
        lacks_rights = isinstance(error, InsufficientPrivilege)
        remedy = _NEEDS_RIGHTS if lacks_rights else ""
        raise kind(f"database: {first_line(error)}{remedy}", lasting=lacks_rights) from error
    except psycopg.Error as error:
        error.args = (first_line(error),)
        raise


@contextmanager
def begun() -> Iterator[None]:
    """Turn NotBegun into Unavailable, for the second and each later part of a request."""
    try:
        yield
    except NotBegun as error:
        raise Unavailable(str(error), error.retry_after, lasting=error.lasting) from error


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, which holds no values of rows; else the name of its class."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
