"""Migrates each schema separately, and checks the versions of schemas before a process uses them."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import Connection
from psycopg.sql import SQL, Identifier

from models.errors import Final, Unavailable
from postgres.connection import connection_string, unavailable

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
    # No time limits: both a migration and the wait for another process's migration may take long.
    conninfo = connection_string(url, limits={})
    with unavailable(), psycopg.connect(conninfo, autocommit=True) as guard:
        guard.execute("select pg_advisory_lock(%s)", [_LOCK])
        found = {schema: _version(guard, schema) for schema in schemas}
        for schema, version in found.items():
            _refuse_newer(schema, version)
        if behind := [schema for schema, version in found.items() if version != schema.head]:
            _upgrade(conninfo, behind)


def check(url: str, schemas: Iterable[Schema]) -> None:
    """Check that the schemas have the versions that this code needs; raise Final, InvalidInput, Unavailable."""
    with unavailable(), psycopg.connect(connection_string(url), autocommit=True) as connection:
        found = {schema: _version(connection, schema) for schema in schemas}
    for schema, version in found.items():
        _refuse_newer(schema, version)
        if version != schema.head:
            problem = f"the schema {schema.name} is at version {version or 'none'}, this code needs {schema.head}"
            raise Final(f"{problem}: migrate it with `starter.py setup`")


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


def _upgrade(conninfo: str, schemas: Iterable[Schema]) -> None:
    """Upgrade all schemas in one transaction."""
    # Imported here because the imports are slow, and most processes have nothing to migrate.
    import sqlalchemy  # noqa: PLC0415
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(conninfo), poolclass=sqlalchemy.NullPool
    )
    try:
        with engine.begin() as connection:
            for schema in schemas:
                connection.execute(sqlalchemy.schema.CreateSchema(schema.name, if_not_exists=True))
                config = Config()
                config.set_main_option("script_location", _literal(_ALEMBIC))
                config.set_main_option("path_separator", "newline")
                config.set_main_option("version_locations", _literal(schema.migrations))
                config.attributes.update(connection=connection, schema=schema.name)
                command.upgrade(config, "head")
    except sqlalchemy.exc.OperationalError as error:
        raise Unavailable(f"database: {str(error.orig).splitlines()[0]}") from error


def _literal(path: Path) -> str:
    """Return a path with % escaped, for alembic's configuration."""
    return str(path).replace("%", "%%")
