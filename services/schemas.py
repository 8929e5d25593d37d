"""All schemas of the project, in the order in which `setup` migrates them, and the service of each."""

from collections.abc import Collection, Mapping
from pathlib import Path

from models.participants import Owner
from postgres import migrations
from postgres.migrations import Schema

_PROJECT = Path(__file__).resolve().parent.parent


def _at(name: str, folder: str) -> Schema:
    return Schema(name, _PROJECT / folder)


# A folder of migrations in services/ is all that a new service declares.
SERVICES = tuple(Schema(path.parent.name, path) for path in sorted((_PROJECT / "services").glob("*/migrations")))
MESSAGING = tuple(_at(name, f"messaging/{name}/migrations") for name in ("trace", "dead_letters"))
SIMULATED = tuple(_at(name, f"providers/simulated/migrations/{name}") for name in ("card_provider", "carrier"))

SCHEMAS = (*SERVICES, *MESSAGING, *SIMULATED)

# Every database has the record of the namespace that it belongs to.
_IN_EACH = "installation"
# Schema → its service. All other schemas are in the database of the orders.
_OWNERS: Mapping[str, Owner] = {
    "inventory": "inventory",
    "payments": "payments",
    "card_provider": "payments",
    "shipping": "shipping",
    "carrier": "shipping",
}


def names_of(
    owners: Collection[Owner], *, card_provider: str = "simulated", carrier: str = "simulated"
) -> frozenset[str]:
    """Return the schemas of services, with those of the providers of these names that are simulated."""
    real = {name for name, chosen in (("card_provider", card_provider), ("carrier", carrier)) if chosen != "simulated"}
    names = {schema.name for schema in SCHEMAS} - real
    return frozenset(name for name in names if name == _IN_EACH or _OWNERS.get(name, "orders") in owners)


def migrate(url: str, names: Collection[str] | None = None) -> None:
    """Migrate schemas of a database, by default all, to their newest version.

    Raises InvalidInput, Final, Unavailable.
    """
    migrations.migrate(url, _named(names))


def check(url: str, names: Collection[str] | None = None) -> None:
    """Check that schemas, by default all, have the version that this code needs.

    Raises Final, InvalidInput, Unavailable.
    """
    migrations.check(url, _named(names))


def _named(names: Collection[str] | None) -> list[Schema]:
    return [schema for schema in SCHEMAS if names is None or schema.name in names]
