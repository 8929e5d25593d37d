"""The database's schema: brought up to date by migrations, and checked before anything relies on it."""

from pathlib import Path

import psycopg
from psycopg import Connection

from models.errors import Final, Unavailable
from services.database import connection_string, unavailable

HEAD = "0009"
VERSION_SCHEMA = "migrations"
# Any number that nobody else uses: whoever migrates holds this lock, and the others wait.
_LOCK = 7_305_811_042
_FOLDER = Path(__file__).parent / "migrations"


def migrate(url: str) -> None:
    """Bring the schema up to date; safe from many processes at once; raise InvalidInput, Final, Unavailable."""
    # No time limits: waiting for another's migration, and a long one of our own, are no reason to give up.
    conninfo = connection_string(url, limits={})
    with unavailable(), psycopg.connect(conninfo, autocommit=True) as guard:
        guard.execute("select pg_advisory_lock(%s)", [_LOCK])
        found = _revision(guard)
        _refuse_newer(found)
        if found != HEAD:
            _upgrade(conninfo)


def check(url: str) -> None:
    """Do nothing when the schema is what this code needs; else raise Final, or InvalidInput, Unavailable."""
    with unavailable(), psycopg.connect(connection_string(url), autocommit=True) as connection:
        found = _revision(connection)
    _refuse_newer(found)
    if found != HEAD:
        raise Final(f"the database's schema is at {found or 'nothing'}, this code needs {HEAD}: migrate it first")


def _revision(connection: Connection) -> str | None:
    """The revision that the database is at; None before the first migration."""
    there = connection.execute("select to_regclass('migrations.alembic_version')").fetchone()
    if there is None or there[0] is None:
        return None
    row = connection.execute("select version_num from migrations.alembic_version").fetchone()
    return str(row[0]) if row else None


def _refuse_newer(found: str | None) -> None:
    if found is not None and found > HEAD:
        raise Final(f"the database's schema is at {found}, newer than this code, which knows {HEAD}: update it")


def _upgrade(conninfo: str) -> None:
    # Only who really migrates pays for importing these.
    import sqlalchemy  # noqa: PLC0415
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(conninfo), poolclass=sqlalchemy.NullPool
    )
    try:
        with engine.begin() as connection:
            connection.execute(sqlalchemy.schema.CreateSchema(VERSION_SCHEMA, if_not_exists=True))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except sqlalchemy.exc.OperationalError as error:
        raise Unavailable(f"database: {str(error.orig).splitlines()[0]}") from error
