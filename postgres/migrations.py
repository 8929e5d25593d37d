"""Migrates each schema separately, and checks the versions of schemas before a process uses them."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg import Connection, IsolationLevel
from psycopg.sql import SQL, Identifier

from models.errors import Final, NotBegun
from postgres.connection import LIMITS, LIMITS_SINCE_17, VERSION_17, unavailable
from postgres.routes import Route, route_to

if TYPE_CHECKING:
    from alembic.config import Config

VERSION_TABLE = "schema_version"
# The advisory lock of the process that migrates; any number that is used for nothing else.
_LOCK = 7_305_811_042
_ALEMBIC = Path(__file__).parent / "alembic"


@dataclass(frozen=True)
class Schema:
    """A schema of PostgreSQL and the folder of its migrations: files named 0001_what.py, 0002_what.py and so on.

    Each schema holds its own version table, so that it can be in any database.
    """

    name: str
    migrations: Path

    @property
    def head(self) -> str:
        """The newest version known to this code."""
        return max(path.name.partition("_")[0] for path in self.migrations.glob("[0-9]*.py"))


def migrate(url: str, schemas: Iterable[Schema]) -> None:
    """Migrate schemas to their newest versions; safe to run concurrently; raise InvalidInput, Final, Unavailable."""
    route, wanted = route_to(url), list(schemas)
    with unavailable(NotBegun), _connected(route) as connection:
        behind = _behind(connection, wanted)
    if behind:
        with unavailable():
            _upgrade(route, wanted)


def check(url: str, schemas: Iterable[Schema]) -> None:
    """Check that the schemas have the versions that this code needs; raise Final, InvalidInput, Unavailable."""
    with unavailable(NotBegun), _connected(route_to(url)) as connection:
        behind = _behind(connection, schemas)
    for schema, version in behind.items():
        problem = f"the schema {schema.name} is at version {version or 'none'}, this code needs {schema.head}"
        raise Final(f"{problem}: migrate it with `starter.py setup`")


def _connected(route: Route) -> Connection:
    return psycopg.connect(route.conninfo, autocommit=True, prepare_threshold=None)


def _behind(connection: Connection, schemas: Iterable[Schema]) -> dict[Schema, str | None]:
    """Return the schemas that have to be migrated, with their versions; raise Final when one is too new."""
    found = {schema: _version(connection, schema) for schema in schemas}
    for schema, version in found.items():
        _refuse_newer(schema, version)
    return {schema: version for schema, version in found.items() if version != schema.head}


def _version(connection: Connection, schema: Schema) -> str | None:
    """Return the version of a schema; None before its first migration."""
    table = f"{schema.name}.{VERSION_TABLE}"
    exists = connection.execute("select to_regclass(%s)", [table]).fetchone()
    if exists is None or exists[0] is None:
        return None
    query = SQL("select version_num from {}").format(Identifier(schema.name, VERSION_TABLE))
    row = connection.execute(query).fetchone()
    return str(row[0]) if row else None


def _refuse_newer(schema: Schema, found: str | None) -> None:
    if found is not None and found > schema.head:
        raise Final(
            f"the schema {schema.name} is at version {found}, but this code knows only {schema.head}: update the code"
        )


def _upgrade(route: Route, schemas: Iterable[Schema]) -> None:
    """Upgrade all schemas that are behind in one transaction, which waits for another process's migration first."""
    # Imported here because the imports are slow, and most processes have nothing to migrate.
    import sqlalchemy  # noqa: PLC0415
    from alembic import command  # noqa: PLC0415

    def connected() -> Connection:
        connection = psycopg.connect(route.conninfo, prepare_threshold=None)
        connection.isolation_level = IsolationLevel.READ_COMMITTED  # sees what the other process has committed
        return connection

    engine = sqlalchemy.create_engine("postgresql+psycopg://", creator=connected, poolclass=sqlalchemy.NullPool)
    try:
        with engine.begin() as connection:
            session = connection.connection.driver_connection
            assert isinstance(session, Connection)  # noqa: S101 - for the type checker
            _lock(session)
            for schema in _behind(session, schemas):
                connection.execute(sqlalchemy.schema.CreateSchema(schema.name, if_not_exists=True))
                command.upgrade(_config(connection, schema), "head")
    except sqlalchemy.exc.DBAPIError as error:
        raise (error.orig or error) from None


def _config(connection: object, schema: Schema) -> "Config":
    from alembic.config import Config  # noqa: PLC0415 - see _upgrade

    config = Config()
    config.set_main_option("script_location", _literal(_ALEMBIC))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", _literal(schema.migrations))
    config.attributes.update(connection=connection, schema=schema.name)
    return config


def _lock(connection: Connection) -> None:
    """Let one process migrate at a time, until the end of the transaction: a pooler keeps no lock of a session.

    Both a migration and the wait may take long, so the transaction has no time limits.
    """
    limits = LIMITS | (LIMITS_SINCE_17 if connection.info.server_version >= VERSION_17 else {})
    for name in limits:
        connection.execute("select set_config(%s, '0', true)", [name])
    connection.execute("select pg_advisory_xact_lock(%s)", [_LOCK])


def _literal(path: Path) -> str:
    """Return a path with % escaped, for alembic's configuration."""
    return str(path).replace("%", "%%")
