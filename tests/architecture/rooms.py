"""The rooms of the house: who may import whom, which libraries, and whose schema is whose."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

HOUSE = Path(__file__).parents[2]
ENTRANCES = {"worker", "starter"}
OUTSIDE = {"tests", "benchmarks", "deploy", "docs"}

ANY_LIBRARY = None
# Room: what it may import of the house, and which libraries.
MAY_IMPORT: dict[str, tuple[set[str], set[str] | None]] = {
    "models": (set(), {"pydantic"}),
    "services": ({"models"}, {"psycopg", "psycopg_pool", "pydantic", "structlog", "alembic", "sqlalchemy"}),
    "activities": ({"services", "models"}, {"temporalio", "pydantic", "structlog"}),
    "workflows": ({"activities", "models"}, {"temporalio", "pydantic"}),
    "choreography": ({"services", "models"}, {"temporalio", "pydantic", "structlog"}),
    "runtime": ({"models"}, ANY_LIBRARY),
    "cli": ({"models", "services", "activities", "workflows", "choreography", "runtime", "worker"}, ANY_LIBRARY),
}
ROOMS = set(MAY_IMPORT)

# Schema: the files that may name it in their SQL.
OWNERS = {
    "inventory": ("services/inventory.py",),
    "payments": ("services/payments.py", "services/transfers.py"),
    "shipping": ("services/shipping.py",),
    "orders": (
        "services/orders.py",
        "services/order_queries.py",
        "services/pricing.py",
        "services/process_states.py",
        "services/open_orders.py",
    ),
    "slips": ("services/slips.py",),
    "operators": ("services/alerts.py", "services/untold.py"),
    "wrapping": ("services/wrapping.py",),
    "outbox": ("services/outbox",),
    "dead_letters": ("services/letter_queries.py",),
    "card_provider": ("services/simulated/",),
    "carrier": ("services/simulated/",),
}
# What still names a schema that isn't its own. This list only shrinks.
TRESPASSES = {
    "services/catalogue.py": {"orders", "inventory"},
    "services/open_orders.py": {"outbox"},
    "services/retention.py": {"orders", "slips", "outbox"},
    "services/migrations/": set(OWNERS) - {"card_provider", "carrier"},
}
# Folders of services/ that are no services; they move out.
NO_SERVICES = {"migrations", "simulated"}


def python_files() -> list[Path]:
    """Return every file of Python in the house."""
    own = [HOUSE / f"{name}.py" for name in sorted(ENTRANCES)]
    rooms = [path for room in sorted(ROOMS | OUTSIDE) for path in sorted((HOUSE / room).rglob("*.py"))]
    return [path for path in own if path.exists()] + rooms


def named(path: Path) -> str:
    """Return a file's name in the house: services/inventory/rules.py."""
    return path.relative_to(HOUSE).as_posix()


def room_of(path: Path) -> str:
    """Return the room that a file stands in."""
    return path.relative_to(HOUSE).parts[0]


FILES = python_files()
ROOM_FILES = [path for path in FILES if room_of(path) in ROOMS]


def imports(tree: ast.AST) -> Iterator[tuple[ast.stmt, str]]:
    """Yield each imported module's full name with its statement, wherever in the file it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node, "." * node.level + (node.module or "")


def trespasses(source: str, room: str) -> list[str]:
    """Return the imports that this room is not allowed."""
    house, libraries = MAY_IMPORT[room]
    found = []
    for _, module in imports(ast.parse(source)):
        top = module.partition(".")[0]
        if top in ROOMS | ENTRANCES | OUTSIDE:
            allowed = top == room or top in house
        else:
            allowed = top in sys.stdlib_module_names or libraries is ANY_LIBRARY or top in libraries
        if not allowed:
            found.append(module)
    return found
