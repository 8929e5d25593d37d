"""An installation: a database and one namespace of Temporal, each of which belongs to the other only.

Both sides record the same installation id. A service with a database of its own has an installation by itself. A
worker or a command whose sides differ would run orders on the data of another installation, and its reconciler would
undo orders that run elsewhere.
"""

import shlex

from models.base import Message
from models.errors import NotSetUp, WrongInstallation
from models.participants import Owner

SETUP = "run `python starter.py setup`"


class Binding(Message):
    """The record in the database: the namespace that it belongs to, with the id that Temporal gave the namespace.

    `server` is the address for messages only; `database_id` is the identity of the database when it was recorded.
    """

    installation_id: str
    namespace: str
    namespace_id: str
    server: str
    database_id: str


class DatabaseSide(Message):
    """A database: its name for messages (host/name), its identity, and its record.

    `owner` is the service that it is the own database of; that of the orders may be the database of all.
    """

    owner: Owner = "orders"
    place: str
    name: str
    database_id: str
    binding: Binding | None = None


class Marker(Message):
    """The record in the namespace: the database that it belongs to."""

    installation_id: str
    database: str
    database_id: str


class NamespaceSide(Message):
    """A namespace: its name, the id that Temporal gave it, the server's address for messages, and its record."""

    name: str
    namespace_id: str
    server: str
    marker: Marker | None

    @property
    def place(self) -> str:
        """The namespace for messages."""
        return place_of(self.name, self.server)


def place_of(namespace: str, server: str) -> str:
    """Return a namespace for messages."""
    return f"{namespace} at {server}"


def check(database: DatabaseSide, namespace: NamespaceSide) -> None:
    """Check that both sides record the same installation.

    Raises WrongInstallation when a side belongs to another installation, NotSetUp when a record is missing.
    """
    binding, marker = binding_of(database, namespace), marker_of(namespace, database)
    if binding is None:
        raise NotSetUp(f"the database {database.place} is not set up: {SETUP}")
    if marker is None:
        raise NotSetUp(f"the namespace {namespace.place} is not set up: {SETUP}")


def binding_of(database: DatabaseSide, namespace: NamespaceSide) -> Binding | None:
    """Return the database's record, None without one; raise WrongInstallation if it names another namespace."""
    binding = database.binding
    if binding is None:
        return None
    here, bound = f"the database {database.place}", f"the namespace {place_of(binding.namespace, binding.server)}"
    if binding.namespace_id != namespace.namespace_id:
        # Two servers may have the same address at different times, and both a namespace of this name.
        ids = (
            f" (id {binding.namespace_id}, not {namespace.namespace_id})" if binding.namespace == namespace.name else ""
        )
        raise _wrong(f"{here} belongs to {bound}, not to {namespace.place}{ids}", database, namespace)
    if not same_database(binding.database_id, database.database_id):
        raise _wrong(f"{here} is a copy of the database that belongs to {bound}", database, namespace)
    return binding


def marker_of(namespace: NamespaceSide, database: DatabaseSide) -> Marker | None:
    """Return the namespace's record, None without one; raise WrongInstallation if it names another database."""
    marker, binding = namespace.marker, database.binding
    if marker is None:
        return None
    same = same_database(marker.database_id, database.database_id)
    if binding is None or binding.installation_id != marker.installation_id or not same:
        other = f"{database.place}" if marker.database != database.place else "the present one of this name"
        problem = f"the namespace {namespace.place} belongs to the database {marker.database}, not to {other}"
        raise _wrong(problem, database, namespace)
    return marker


def same_database(one: str, other: str) -> bool:
    """Return whether two identities can be of one database.

    An identity is SYSTEM/OID; SYSTEM is empty where the role may not read it.
    """
    (system, _, oid), (other_system, _, other_oid) = one.partition("/"), other.partition("/")
    return oid == other_oid and (system == other_system or not system or not other_system)


def move_command(database: DatabaseSide, namespace: NamespaceSide) -> str:
    """Return the command that binds both sides to each other."""
    of_service = ["--service", database.owner] if database.owner != "orders" else []
    names = ["--database", database.name, "--namespace", namespace.name]
    return shlex.join(["python", "starter.py", "move", *of_service, *names])


def _wrong(problem: str, database: DatabaseSide, namespace: NamespaceSide) -> WrongInstallation:
    command = move_command(database, namespace)
    own = f"_{database.owner.upper()}" if database.owner != "orders" else ""
    return WrongInstallation(
        f"{problem}: correct DATABASE_URL{own} or TEMPORAL_NAMESPACE; after a restore or a migration: {command}"
    )
