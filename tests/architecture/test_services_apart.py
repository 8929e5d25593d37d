"""A service imports no other, and names no other's schema in its SQL, so that each may have a database of its own."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.rooms import OWNERS, ROOM_FILES, imports, named

_IN_SQL = re.compile(
    r"\b(?:from|join|into|update|table|schema|exists|truncate|delete|using|on|call|references)\s+(?:only\s+)?"
    rf"({'|'.join(OWNERS)})\b(?=[.;\s])",
    re.IGNORECASE,
)


def schemas_in(source: str) -> set[str]:
    """Return the schemas that the SQL of a file names: any text in it that is no docstring."""
    return {schema.lower() for text in _texts(ast.parse(source)) for schema in _IN_SQL.findall(text)}


def _texts(tree: ast.AST) -> Iterator[str]:
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in docstrings:
            if isinstance(node.value, bytes):
                yield node.value.decode()
            elif isinstance(node.value, str):
                yield node.value


def owned_by(name: str) -> set[str]:
    """Return the schemas that belong to a file."""
    return {schema for schema, folder in OWNERS.items() if name.startswith(folder)}


def other_services(source: str, name: str) -> list[str]:
    """Return what a file of one service imports of another."""
    parts = name.split("/")
    if parts[0] != "services" or len(parts) < 3:
        return []
    found = [module for _, module in imports(ast.parse(source)) if module.startswith("services.")]
    return [module for module in found if module.split(".")[1] != parts[1]]


@pytest.mark.parametrize("path", ROOM_FILES, ids=named)
def test_sql_names_the_schema_of_its_own_service_only(path: Path) -> None:
    found = schemas_in(path.read_text())

    assert found - owned_by(named(path)) == set()


@pytest.mark.parametrize("path", ROOM_FILES, ids=named)
def test_a_service_imports_no_other(path: Path) -> None:
    assert other_services(path.read_text(), named(path)) == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('Q = b"select a from payments.ledger"', {"payments"}),
        ('Q = f"insert into {table} select 1 from orders.orders"', {"orders"}),
        ('Q = """\nwith x as (\n  update outbox.events set a = 1)"""', {"outbox"}),
        ('op.execute("create schema slips;")', {"slips"}),
        ('Q = "select 1 from stock JOIN inventory.stock"', {"inventory"}),
        ('"""It is read from payments.ledger."""\nA = 1', set()),
        ('log = get_logger("orders.relay")', set()),
    ],
)
def test_a_schema_in_sql_is_seen(source: str, expected: set[str]) -> None:
    assert schemas_in(source) == expected


@pytest.mark.parametrize(
    ("source", "name", "expected"),
    [
        ("from services.payments.ledger import Ledger", "services/orders/closing.py", ["services.payments.ledger"]),
        ("from services.payments.ledger import Ledger", "services/payments/payments.py", []),
        ("from services.payments.ledger import Ledger", "services/assembly.py", []),
        ("from services.payments.ledger import Ledger", "worker.py", []),
    ],
)
def test_an_import_of_another_service_is_seen(source: str, name: str, expected: list[str]) -> None:
    assert other_services(source, name) == expected
