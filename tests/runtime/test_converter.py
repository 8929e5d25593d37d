"""Values on their way to and from Temporal: as the SDK's converter has them, and read by what was built once."""

from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import ValidationError
from temporalio.contrib.pydantic import PydanticPayloadConverter

from models.money import Money
from runtime import converter
from runtime.converter import PayloadConverter

FIVE = Money(amount=5, currency="EUR")
VALUES: Sequence[Any] = [None, b"\x00", 1, "é", {"a": [1.5]}, FIVE, (FIVE,)]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_is_written_and_read_as_by_the_sdk(value: Any) -> None:
    ours, theirs = PayloadConverter(), PydanticPayloadConverter()

    assert ours.to_payloads([value]) == theirs.to_payloads([value])
    hints = None if isinstance(value, bytes) else [type(value)]
    assert ours.from_payloads(ours.to_payloads([value]), hints) == theirs.from_payloads(
        ours.to_payloads([value]), hints
    )
    assert ours.from_payloads(ours.to_payloads([value])) == theirs.from_payloads(ours.to_payloads([value]))


def test_what_does_not_fit_its_type_is_refused() -> None:
    with pytest.raises(ValidationError):
        PayloadConverter().from_payloads(PayloadConverter().to_payloads([{"amount": "x"}]), [Money])


def test_every_order_reads_with_what_was_built_for_the_first() -> None:
    payloads = PayloadConverter().to_payloads([FIVE])
    PayloadConverter().from_payloads(payloads, [Money])
    built = converter._adapter.cache_info().misses

    PayloadConverter().from_payloads(payloads, [Money])

    assert converter._adapter.cache_info().misses == built
