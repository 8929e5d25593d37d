"""The exact limits of an order: the models and the independent description in limits.py agree."""

import json
from typing import Any

import pytest

from models.errors import InvalidInput
from models.intake.reading import read_order
from tests.cli.conftest import as_bytes, order_document
from tests.faults.bad_input.generated.fuzzing import tried
from tests.faults.bad_input.generated.limits import is_order


def lines_of(number: int) -> list[dict[str, Any]]:
    return [{"sku": f"S-{each}", "quantity": 1} for each in range(number)]


def with_value(path: tuple[str, ...], value: Any) -> bytes:
    document: Any = order_document()
    here = document
    for name in path[:-1]:
        here = here[int(name)] if isinstance(here, list) else here[name]
    here[path[-1]] = value
    return as_bytes(document)


LINE = {"sku": "SKU-1", "quantity": 1}
# Path of a field → pairs of the last accepted and the first refused value.
EDGES: dict[tuple[str, ...], list[tuple[Any, Any]]] = {
    ("order_id",): [("x" * 64, "x" * 65), ("0", "-")],
    ("customer_id",): [("c" * 64, "c" * 65), ("C_-", "_C")],
    ("lines",): [([LINE], []), (lines_of(100), lines_of(101)), ([LINE, LINE | {"sku": "S"}], [LINE, LINE])],
    ("lines", "0", "quantity"): [(1, 0), (1000, 1001), (1000, 1000.0)],
    ("lines", "0", "sku"): [("S" * 64, "S" * 65)],
    ("payment", "token"): [("tok_" + "t" * 60, "tok_" + "t" * 61), ("tok_t", "tok_")],
    ("ship_to", "name"): [("n" * 200, "n" * 201), ("é 🛒 名", "é\u200b"), ("n", "")],
    ("ship_to", "postcode"): [("1" * 12, "1" * 13), ("A 1-", " A1")],
    ("ship_to", "country"): [("FR", "FRA"), ("ZZ", "zz")],
    ("total",): [(0, -1), (10**12, 10**12 + 1), (None, "0")],
    ("deadline_seconds",): [(1, 0), (30 * 86_400, 30 * 86_400 + 1), (None, True)],
}


@pytest.mark.parametrize("path", EDGES, ids=".".join)
def test_the_limits_are_exactly_as_documented(path: tuple[str, ...]) -> None:
    for good, bad in EDGES[path]:
        accepted, refused = with_value(path, good), with_value(path, bad)

        assert not isinstance(tried(lambda raw=accepted: read_order(raw)), InvalidInput), good  # type: ignore[misc]
        problem = tried(lambda raw=refused: read_order(raw))  # type: ignore[misc]
        assert isinstance(problem, InvalidInput), bad
        assert problem.field.startswith(path[0])
        assert is_order(json.loads(accepted))
        assert not is_order(json.loads(refused))
