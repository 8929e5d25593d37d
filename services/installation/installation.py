"""The record of the namespace that a database belongs to."""

from collections.abc import Sequence

from models.installation import Binding, DatabaseSide
from models.participants import Owner
from postgres.database import Database

_READ = b"""
select here.datname, here.oid::text, binding.installation_id, binding.namespace, binding.namespace_id, binding.server,
  binding.database_id
from pg_database as here left join installation.binding as binding on true
where here.datname = current_database()
"""
_EXISTS = b"select to_regclass('installation.binding') is not null"
_NAME = b"select current_database()"
# Differs in a copy on another server; a standby and a base backup have the one of their origin.
_SYSTEM = b"select system_identifier::text from pg_control_system()"
_MAY_READ_SYSTEM = b"select has_function_privilege('pg_control_system()', 'execute')"
_BIND = b"""
insert into installation.binding (installation_id, namespace, namespace_id, server, database_id)
values (%(installation_id)s, %(namespace)s, %(namespace_id)s, %(server)s, %(database_id)s)
"""
_UNLESS_BOUND = _BIND + b"on conflict (only_one) do nothing"
_AGAIN = (
    _BIND
    + b"""
on conflict (only_one) do update set
  installation_id = excluded.installation_id, namespace = excluded.namespace, namespace_id = excluded.namespace_id,
  server = excluded.server, database_id = excluded.database_id, bound_at = now()
"""
)
_RELEASE = b"delete from installation.binding where installation_id = %(installation_id)s"


def marked(owners: Sequence[Owner]) -> Sequence[Owner]:
    """Return which of the services in one database have a record in the namespace: with the orders only these."""
    return ("orders",) if "orders" in owners else owners


class Installation:
    """Reads and writes the record of the installation that a database belongs to."""

    def __init__(self, db: Database, owner: Owner = "orders") -> None:
        """`owner` is the service that `db` is the own database of; that of the orders may be the database of all."""
        self._db, self.owner = db, owner
        self._system: str | None = None

    async def exists(self) -> bool:
        """Return whether the database was ever set up, and so has the table of the record; raise Unavailable."""
        row = await self._db.row(_EXISTS, {})
        return row is not None and bool(row[0])

    async def name(self) -> str:
        """Return the name of the database, also before its first set-up; raise Unavailable."""
        row = await self._db.row(_NAME, {})
        return str(row[0]) if row else ""

    async def read(self) -> DatabaseSide:
        """Return the database with its record; raise Unavailable."""
        row = await self._db.row(_READ, {})
        if row is None:
            raise RuntimeError("PostgreSQL does not list the current database")
        name, oid, *binding = row
        return DatabaseSide(
            owner=self.owner,
            place=self._db.place,
            name=name,
            database_id=f"{await self._system_id()}/{oid}",
            binding=Binding(**dict(zip(Binding.model_fields, binding, strict=True))) if binding[0] else None,
        )

    async def bind(self, binding: Binding) -> None:
        """Record a namespace unless the database has a record."""
        await self._db.rows(_UNLESS_BOUND, binding.model_dump())

    async def move(self, binding: Binding) -> None:
        """Record a namespace, in place of the recorded one."""
        await self._db.rows(_AGAIN, binding.model_dump())

    async def release(self, installation_id: str) -> None:
        """Delete the record if it is of this installation."""
        await self._db.rows(_RELEASE, {"installation_id": installation_id})

    async def _system_id(self) -> str:
        """Return the identity of the PostgreSQL cluster; empty where the role may not read it."""
        if self._system is None:
            allowed = await self._db.row(_MAY_READ_SYSTEM, {})
            row = await self._db.row(_SYSTEM, {}) if allowed and allowed[0] else None
            self._system = str(row[0]) if row else ""
        return self._system
