"""The payload converter: the same payloads as the SDK's converter, with type adapters that are built once."""

from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import ValidationError
from temporalio.api.failure.v1 import Failure
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from models.money import Money
from runtime import converter
from runtime.converter import DATA_CONVERTER, PayloadConverter

FIVE = Money(amount=5, currency="EUR")
VALUES: Sequence[Any] = [None, b"\x00", 1, "é", {"a": [1.5]}, FIVE, (FIVE,)]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_is_written_and_read_as_by_the_sdk(value: Any) -> None:
    converter_under_test, sdk = PayloadConverter(), PydanticPayloadConverter()

    assert converter_under_test.to_payloads([value]) == sdk.to_payloads([value])
    hints = None if isinstance(value, bytes) else [type(value)]
    assert converter_under_test.from_payloads(converter_under_test.to_payloads([value]), hints) == sdk.from_payloads(
        converter_under_test.to_payloads([value]), hints
    )
    assert converter_under_test.from_payloads(converter_under_test.to_payloads([value])) == sdk.from_payloads(
        converter_under_test.to_payloads([value])
    )


def test_a_value_of_the_wrong_type_is_refused() -> None:
    with pytest.raises(ValidationError):
        PayloadConverter().from_payloads(PayloadConverter().to_payloads([{"amount": "x"}]), [Money])


def test_a_type_adapter_is_built_once() -> None:
    payloads = PayloadConverter().to_payloads([FIVE])
    PayloadConverter().from_payloads(payloads, [Money])
    built = converter._adapter.cache_info().misses

    PayloadConverter().from_payloads(payloads, [Money])

    assert converter._adapter.cache_info().misses == built


@pytest.mark.parametrize("category", ApplicationErrorCategory)
def test_a_benign_failure_has_its_words_and_no_stack_trace(category: ApplicationErrorCategory) -> None:
    failure = Failure()
    try:
        raise ApplicationError("compensated: no stock", type="OrderCompensated", category=category)
    except ApplicationError as error:
        DATA_CONVERTER.failure_converter.to_failure(error, DATA_CONVERTER.payload_converter, failure)

    assert failure.message == "compensated: no stock"
    assert bool(failure.stack_trace) == (category is not ApplicationErrorCategory.BENIGN)
