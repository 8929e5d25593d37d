"""The project's packages: which packages and libraries each may import, and which folder owns each schema."""

import ast
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).parents[2]
ENTRY_POINTS = {"orders", "worker", "starter"}
# Folders with code that is not part of the product; they may import everything.
SUPPORT = {"tests", "benchmarks", "deploy", "docs"}

ANY_LIBRARY = None
# Package → the project's packages and the libraries that it may import.
MAY_IMPORT: dict[str, tuple[set[str], set[str] | None]] = {
    "temporal_saga": (set(), {"temporalio"}),
    "models": (set(), {"pydantic"}),
    "postgres": ({"models"}, {"psycopg", "psycopg_pool", "alembic", "sqlalchemy"}),
    "messaging": ({"postgres", "models"}, {"psycopg", "alembic"}),
    "providers": ({"postgres", "models"}, {"psycopg", "alembic", "httpx"}),
    "services": ({"messaging", "providers", "postgres", "models"}, {"psycopg", "pydantic", "structlog", "alembic"}),
    "activities": ({"models"}, {"temporalio", "pydantic", "structlog"}),
    "choreography": (
        {"activities", "services", "messaging", "providers", "postgres", "models"},
        {"temporalio", "structlog"},
    ),
    "workflows": ({"temporal_saga", "activities", "models"}, {"temporalio", "pydantic"}),
    "runtime": ({"models"}, ANY_LIBRARY),
    # How a worker's process runs, and the workers of the services apart; worker.py has the workflows and all else.
    "serving": (
        {"client", "runtime", "choreography", "activities", "services", "messaging", "providers", "postgres", "models"},
        {"temporalio"},
    ),
    "client": (
        {"workflows", "temporal_saga", "activities", "services", "messaging", "postgres", "models"},
        {"temporalio", "pydantic", "google"},
    ),
    "cli": ({"client", "runtime", "models", *ENTRY_POINTS}, ANY_LIBRARY),
    # Outside programs: they use the Python API, or the saga engine alone.
    "examples": ({"orders", "models", "temporal_saga"}, {"temporalio"}),
}
PACKAGES = set(MAY_IMPORT)

# Schema → the only folder whose SQL may name it.
OWNERS = {
    path.parent.name: f"{path.parent.relative_to(PROJECT).as_posix()}/"
    for package in ("services", "messaging")
    for path in sorted((PROJECT / package).glob("*/migrations"))
} | {
    "card_provider": "providers/simulated/",
    "carrier": "providers/simulated/",
}


def python_files() -> list[Path]:
    """Return every Python file of the project."""
    entry_points = [PROJECT / f"{name}.py" for name in sorted(ENTRY_POINTS)]
    others = [path for package in sorted(PACKAGES | SUPPORT) for path in sorted((PROJECT / package).rglob("*.py"))]
    return [path for path in entry_points if path.exists()] + others


def name_of(path: Path) -> str:
    """Return a file's path relative to the project, such as services/inventory/inventory.py."""
    return path.relative_to(PROJECT).as_posix()


def package_of(path: Path) -> str:
    """Return the name of the package that contains a file."""
    return path.relative_to(PROJECT).parts[0]


FILES = python_files()
PACKAGE_FILES = [path for path in FILES if package_of(path) in PACKAGES]


def problems(files: Iterable[Path], found: Callable[[Path], object]) -> dict[str, object]:
    """Return what `found` finds in each file, without the files in which it finds nothing.

    One test for all files: a test for each file would cost more than its check.
    """
    return {name_of(path): problem for path in files if (problem := found(path))}


@cache
def parsed(source: str) -> ast.Module:
    """Return the syntax tree of a source text; each is parsed once for all rules."""
    return ast.parse(source)


def imports(tree: ast.AST) -> Iterator[tuple[ast.stmt, str]]:
    """Yield each import statement of a file, at any depth, with the full name of the module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node, "." * node.level + (node.module or "")


def forbidden_imports(source: str, package: str) -> list[str]:
    """Return the imports of a file that its package may not have."""
    packages, libraries = MAY_IMPORT[package]
    found = []
    for _, module in imports(parsed(source)):
        top = module.partition(".")[0]
        if top in PACKAGES | ENTRY_POINTS | SUPPORT:
            allowed = top == package or top in packages
        else:
            allowed = top in sys.stdlib_module_names or libraries is ANY_LIBRARY or top in libraries
        if not allowed:
            found.append(module)
    return found
