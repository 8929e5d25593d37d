"""A service imports no other service, and its SQL names no other schema, so that each can have its own database."""

import ast
import re
from collections import Counter
from collections.abc import Iterator

import pytest

from models.participants import OWNERS as SERVICE_OWNERS
from models.participants import SERVICES
from services.schemas import names_of
from tests.architecture.packages import OWNERS, PACKAGE_FILES, PROJECT, imports, name_of, parsed, problems

_IN_SQL = re.compile(
    r"\b(?:from|join|into|update|table|schema|exists|truncate|delete|using|on|call|references)\s+(?:only\s+)?"
    rf"({'|'.join(OWNERS)})\b(?=[.;\s])",
    re.IGNORECASE,
)

# The method of every participant.
RECEIPTS = "receipts_of"


def schemas_in(source: str) -> set[str]:
    """Return the schemas that the SQL of a file names; any string that is not a docstring counts as SQL."""
    return {schema.lower() for text in _texts(parsed(source)) for schema in _IN_SQL.findall(text)}


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
    """Return the schemas that a file's folder owns."""
    return {schema for schema, folder in OWNERS.items() if name.startswith(folder)}


def other_services(source: str, name: str) -> list[str]:
    """Return the modules of other services that a service's file imports."""
    parts = name.split("/")
    if parts[0] != "services" or len(parts) < 3:
        return []
    found = [module for _, module in imports(parsed(source)) if module.startswith("services.")]
    return [module for module in found if module.split(".")[1] != parts[1]]


def test_sql_names_the_schema_of_its_own_service_only() -> None:
    assert problems(PACKAGE_FILES, lambda path: schemas_in(path.read_text()) - owned_by(name_of(path))) == {}


def readers(source: str) -> list[int]:
    """Return the lines of a file that read a service's receipts."""
    return [
        node.lineno for node in ast.walk(parsed(source)) if isinstance(node, ast.Attribute) and node.attr == RECEIPTS
    ]


def test_only_a_service_s_own_activities_read_its_receipts() -> None:
    # A worker of `orders` has no credentials of another service's database, and neither has a client.
    asking = {f"activities/{service}.py" for service in (*SERVICES, "wrapping")}
    others = [path for path in PACKAGE_FILES if name_of(path) not in asking]
    assert problems(others, lambda path: readers(path.read_text())) == {}
    assert all(readers((PROJECT / name).read_text()) for name in asking)


def test_each_schema_belongs_to_one_service_and_only_the_installation_to_each() -> None:
    by_owner = {owner: names_of([owner]) for owner in SERVICE_OWNERS}
    counted = Counter(name for names in by_owner.values() for name in names)

    assert counted == {name: len(by_owner) if name == "installation" else 1 for name in OWNERS}
    assert by_owner["payments"] == {"payments", "card_provider", "installation"}
    assert names_of(["payments"], card_provider="stripe") == {"payments", "installation"}


def test_a_service_imports_no_other_service() -> None:
    assert problems(PACKAGE_FILES, lambda path: other_services(path.read_text(), name_of(path))) == {}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('Q = b"select a from payments.ledger"', {"payments"}),
        ('Q = f"insert into {table} select 1 from orders.orders"', {"orders"}),
        ('Q = """\nwith x as (\n  update trace.events set a = 1)"""', {"trace"}),
        ('op.execute("create schema slips;")', {"slips"}),
        ('Q = "select 1 from stock JOIN inventory.stock"', {"inventory"}),
        ('"""It is read from payments.ledger."""\nA = 1', set()),
        ('log = get_logger("orders.relay")', set()),
    ],
)
def test_a_schema_in_sql_is_found(source: str, expected: set[str]) -> None:
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
def test_an_import_of_another_service_is_found(source: str, name: str, expected: list[str]) -> None:
    assert other_services(source, name) == expected
