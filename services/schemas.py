"""Every schema of the house, in the order in which `setup` brings them up to date."""

from pathlib import Path

from postgres import migrations
from postgres.migrations import Schema

_HOUSE = Path(__file__).resolve().parent.parent


def _at(name: str, folder: str) -> Schema:
    return Schema(name, _HOUSE / folder)


# A folder of migrations in services/ is all that a new service declares.
SERVICES = tuple(Schema(path.parent.name, path) for path in sorted((_HOUSE / "services").glob("*/migrations")))
MESSAGING = tuple(_at(name, f"messaging/{name}/migrations") for name in ("outbox", "dead_letters"))
SIMULATED = tuple(_at(name, f"providers/simulated/migrations/{name}") for name in ("card_provider", "carrier"))

SCHEMAS = (*SERVICES, *MESSAGING, *SIMULATED)


def migrate(url: str) -> None:
    """Bring every schema in a database up to date; raise InvalidInput, Final, Unavailable."""
    migrations.migrate(url, SCHEMAS)


def check(url: str) -> None:
    """Do nothing when every schema is what this code needs; else raise Final, or InvalidInput, Unavailable."""
    migrations.check(url, SCHEMAS)
