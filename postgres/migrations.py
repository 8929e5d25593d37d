"""Schemas are brought up to date by migrations, each by itself, and checked before anything relies on them."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import Connection
from psycopg.sql import SQL, Identifier

from models.errors import Final, Unavailable
from postgres.connection import connection_string, unavailable

VERSION_TABLE = "schema_version"
# Any number that nobody else uses: the process that migrates holds this lock, and the others wait.
_LOCK = 7_305_811_042
_ALEMBIC = Path(__file__).parent / "alembic"


@dataclass(frozen=True)
class Schema:
    """A schema of PostgreSQL and the folder of its migrations: files named 0001_what.py, 0002_what.py and so on.

    Its version stands in a table of its own, so that it can live in any database.
    """

    name: str
    migrations: Path

    @property
    def head(self) -> str:
        """The newest version that this code knows."""
        return max(path.name.partition("_")[0] for path in self.migrations.glob("[0-9]*.py"))


def migrate(url: str, schemas: Iterable[Schema]) -> None:
    """Bring schemas up to date; safe from many processes at once; raise InvalidInput, Final, Unavailable."""
    # No time limits: waiting for another's migration, and a long one of our own, are no reason to give up.
    conninfo = connection_string(url, limits={})
    with unavailable(), psycopg.connect(conninfo, autocommit=True) as guard:
        guard.execute("select pg_advisory_lock(%s)", [_LOCK])
        found = {schema: _version(guard, schema) for schema in schemas}
        for schema, version in found.items():
            _refuse_newer(schema, version)
        if behind := [schema for schema, version in found.items() if version != schema.head]:
            _upgrade(conninfo, behind)


def check(url: str, schemas: Iterable[Schema]) -> None:
    """Do nothing when the schemas are what this code needs; else raise Final, or InvalidInput, Unavailable."""
    with unavailable(), psycopg.connect(connection_string(url), autocommit=True) as connection:
        found = {schema: _version(connection, schema) for schema in schemas}
    for schema, version in found.items():
        _refuse_newer(schema, version)
        if version != schema.head:
            problem = f"the schema {schema.name} is at {version or 'nothing'}, this code needs {schema.head}"
            raise Final(f"{problem}: migrate it first, with `starter.py setup`")


def _version(connection: Connection, schema: Schema) -> str | None:
    """The version that a schema is at; None before its first migration."""
    table = f"{schema.name}.{VERSION_TABLE}"
    there = connection.execute("select to_regclass(%s)", [table]).fetchone()
    if there is None or there[0] is None:
        return None
    found = SQL("select version_num from {}").format(Identifier(schema.name, VERSION_TABLE))
    row = connection.execute(found).fetchone()
    return str(row[0]) if row else None


def _refuse_newer(schema: Schema, found: str | None) -> None:
    if found is not None and found > schema.head:
        raise Final(
            f"the schema {schema.name} is at {found}, newer than this code, which knows {schema.head}: update it"
        )


def _upgrade(conninfo: str, schemas: Iterable[Schema]) -> None:
    """Upgrade all of them in one transaction."""
    # Only a process that really migrates pays for importing these.
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
    """A path for a configuration in which % has a meaning."""
    return str(path).replace("%", "%%")
