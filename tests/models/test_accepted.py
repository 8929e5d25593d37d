"""The comparison of a request with what was accepted: by what it says, not by how it is written."""

from typing import Any

import pytest

from models.accepted import AcceptedStep
from models.activities.fraud import CheckFraud
from models.money import Money

KEYS = {"key": "slip.s-1:check", "order_id": "slip.s-1"}
REQUEST = CheckFraud(amount=Money(amount=1, currency="EUR"), limit=1, **KEYS)  # type: ignore[arg-type]
AMOUNT = {"amount": 1, "currency": "EUR"}


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"amount": AMOUNT, "limit": 1},
        {"limit": 1, "amount": {"currency": "EUR", "amount": 1}},
        {"amount": AMOUNT, "over": "review", "within_seconds": None},
    ],
)
def test_the_same_values_in_any_order_and_defaults_do_not_differ(values: dict[str, Any]) -> None:
    assert AcceptedStep(activity="check_fraud", values=values).differing(REQUEST) == []


@pytest.mark.parametrize(
    ("values", "differing"),
    [
        ({"amount": AMOUNT, "limit": 2}, ["limit"]),
        ({"amount": AMOUNT, "limit": True}, ["amount", "limit"]),
        ({"limit": 1.5}, ["limit"]),
        ({"amount": AMOUNT, "unknown": 1}, ["amount", "unknown"]),
        ({"within_seconds": 1}, ["within_seconds"]),
    ],
)
def test_other_values_differ_also_those_that_python_takes_for_equal(
    values: dict[str, Any], differing: list[str]
) -> None:
    assert AcceptedStep(activity="check_fraud", values=values).differing(REQUEST) == differing
