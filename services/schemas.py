"""All schemas of the project, in the order in which `setup` migrates them."""

from collections.abc import Collection
from pathlib import Path

from postgres import migrations
from postgres.migrations import Schema

_PROJECT = Path(__file__).resolve().parent.parent


def _at(name: str, folder: str) -> Schema:
    return Schema(name, _PROJECT / folder)


# A folder of migrations in services/ is all that a new service declares.
SERVICES = tuple(Schema(path.parent.name, path) for path in sorted((_PROJECT / "services").glob("*/migrations")))
MESSAGING = tuple(_at(name, f"messaging/{name}/migrations") for name in ("outbox", "dead_letters"))
SIMULATED = tuple(_at(name, f"providers/simulated/migrations/{name}") for name in ("card_provider", "carrier"))

SCHEMAS = (*SERVICES, *MESSAGING, *SIMULATED)


def migrate(url: str) -> None:
    """Migrate every schema of a database to its newest version; raise InvalidInput, Final, Unavailable."""
    migrations.migrate(url, SCHEMAS)


def check(url: str, names: Collection[str] | None = None) -> None:
    """Check that schemas, by default all, have the version that this code needs.

    Raises Final, InvalidInput, Unavailable.
    """
    migrations.check(url, [schema for schema in SCHEMAS if names is None or schema.name in names])
