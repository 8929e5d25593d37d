"""How to reach a database: directly, or through a pooler such as PgBouncer, which doesn't keep a session's settings.

A pooler refuses settings in the start packet or ignores them, and with transaction pooling each transaction may use
another session of the server. So through a pooler the time limits are set in each transaction, no statement is
prepared, and nothing relies on the session.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import psycopg
from psycopg import Connection

from models.errors import InvalidInput, NotBegun
from postgres.connection import LIMITS, LIMITS_SINCE_17, PLANNING, SETTINGS, VERSION_17, connection_string, unavailable

# The parts of the messages of PgBouncer and of similar poolers that refuse settings in the start packet.
PACKET_REFUSED = ("startup parameter", "startup option")
WANTED_ENCODING = "UTF8"


@dataclass(frozen=True)
class Route:
    """The connection string of a database, and the statement that sets the limits of a transaction.

    `set_limits` is None on a direct connection: the start packet has set them for the session.
    """

    conninfo: str
    set_limits: bytes | None = None

    @property
    def is_pooled(self) -> bool:
        """Return whether a pooler is in between."""
        return self.set_limits is not None


def route_to(url: str) -> Route:
    """Connect once to find the route, and check that the time limits apply and that texts are stored as UTF-8.

    Raises InvalidInput, NotBegun.
    """
    with unavailable(NotBegun):
        try:
            with psycopg.connect(connection_string(url), autocommit=True) as connection:
                _check_encoding(connection)
                limits = LIMITS | _limits_of(connection)
                if _is_direct(connection):
                    return Route(connection_string(url, limits | PLANNING))
        except psycopg.OperationalError as error:
            if not any(part in str(error) for part in PACKET_REFUSED):
                raise
        conninfo = connection_string(url, {})
        with psycopg.connect(conninfo, autocommit=True, prepare_threshold=None) as connection:
            _check_encoding(connection)
            limits = LIMITS | _limits_of(connection)
            _check_limits(connection, limits)
        return Route(conninfo, _statement(limits | PLANNING))


def is_pooled(connection: psycopg.AsyncConnection[tuple[object, ...]], backend: int) -> bool:
    """Return whether the server's process `backend` is another than the one that answered the start packet."""
    return connection.info.backend_pid != backend


def _limits_of(connection: Connection) -> dict[str, int]:
    return LIMITS_SINCE_17 if connection.info.server_version >= VERSION_17 else {}


def _check_encoding(connection: Connection) -> None:
    found = connection.info.parameter_status("server_encoding")
    if found is None:
        row = connection.execute("select current_setting('server_encoding')").fetchone()
        found = str(row[0]) if row else None
    if found != WANTED_ENCODING:
        raise InvalidInput("DATABASE_URL", f"the database has the encoding {found}; create one with the encoding UTF8")


def _is_direct(connection: Connection) -> bool:
    """Return whether the server itself answered, and applies the settings of the start packet."""
    query = "select pg_backend_pid()::text, array_agg(setting order by name) from pg_settings where name = any(%s)"
    row = connection.execute(query, [list(SETTINGS)]).fetchone()
    return row == (str(connection.info.backend_pid), [str(value) for _, value in sorted(SETTINGS.items())])


def _check_limits(connection: Connection, limits: dict[str, int]) -> None:
    """Read the limits back, in a transaction that has set them."""
    with connection.transaction():
        connection.execute(_statement(limits))
        query = "select name from pg_settings where name = any(%s) and setting = '0'"
        missing = [name for (name,) in connection.execute(query, [list(limits)]).fetchall()]
    if missing:
        raise InvalidInput("DATABASE_URL", f"the pooler does not apply the limit {', '.join(missing)}")


def _statement(settings: Mapping[str, float]) -> bytes:
    """Return the statement that applies settings until the end of the transaction."""
    calls = [f"set_config('{name}', '{value}', true)" for name, value in settings.items()]
    return f"select {', '.join(calls)}".encode()
