"""Money is whole minor units."""

import pytest
from pydantic import ValidationError

from models.money import Money


def test_money_is_written_for_people() -> None:
    assert str(Money(amount=5990, currency="EUR")) == "59.90 EUR"
    assert str(Money(amount=5, currency="EUR")) == "0.05 EUR"


@pytest.mark.parametrize("amount", [1.0, "1", -1, 10**13, True])
def test_money_is_never_anything_else(amount: object) -> None:
    with pytest.raises(ValidationError):
        Money.model_validate({"amount": amount, "currency": "EUR"})
