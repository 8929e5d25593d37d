"""Amounts of money are integers in minor units."""

import pytest
from pydantic import ValidationError

from models.money import Money


def test_money_is_printed_with_decimals_and_currency() -> None:
    assert str(Money(amount=5990, currency="EUR")) == "59.90 EUR"
    assert str(Money(amount=5, currency="EUR")) == "0.05 EUR"


@pytest.mark.parametrize("amount", [1.0, "1", -1, 10**13, True])
def test_money_accepts_only_integers_in_range(amount: object) -> None:
    with pytest.raises(ValidationError):
        Money.model_validate({"amount": amount, "currency": "EUR"})
