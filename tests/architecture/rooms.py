"""The rooms of the house: who may import whom, which libraries, and whose schema is whose."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

HOUSE = Path(__file__).parents[2]
ENTRANCES = {"orders", "worker", "starter"}
OUTSIDE = {"tests", "benchmarks", "deploy", "docs"}

ANY_LIBRARY = None
# Room: what it may import of the house, and which libraries.
MAY_IMPORT: dict[str, tuple[set[str], set[str] | None]] = {
    "temporal_saga": (set(), {"temporalio"}),
    "models": (set(), {"pydantic"}),
    "postgres": ({"models"}, {"psycopg", "psycopg_pool", "alembic", "sqlalchemy"}),
    "messaging": ({"postgres", "models"}, {"psycopg", "alembic"}),
    "providers": ({"postgres", "models"}, {"psycopg", "alembic", "httpx"}),
    "services": ({"messaging", "providers", "postgres", "models"}, {"psycopg", "pydantic", "structlog", "alembic"}),
    "activities": ({"models"}, {"temporalio", "pydantic", "structlog"}),
    "choreography": ({"services", "messaging", "postgres", "models"}, {"temporalio", "structlog"}),
    "workflows": ({"temporal_saga", "activities", "models"}, {"temporalio", "pydantic"}),
    "runtime": ({"models"}, ANY_LIBRARY),
    "client": (
        {"workflows", "temporal_saga", "activities", "services", "messaging", "postgres", "models"},
        {"temporalio", "pydantic", "google"},
    ),
    "cli": ({"client", "runtime", "models", *ENTRANCES}, ANY_LIBRARY),
}
ROOMS = set(MAY_IMPORT)

# Schema: the folder that may name it in its SQL.
OWNERS = {
    path.parent.name: f"{path.parent.relative_to(HOUSE).as_posix()}/"
    for room in ("services", "messaging")
    for path in sorted((HOUSE / room).glob("*/migrations"))
} | {
    "card_provider": "providers/simulated/",
    "carrier": "providers/simulated/",
}


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
