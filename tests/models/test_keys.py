"""Idempotency keys: which process and step they belong to."""

import pytest

from models.names import is_key_of


@pytest.mark.parametrize("process", ["o-1", "slip.s-1"])
def test_a_key_is_that_of_a_step_of_its_process(process: str) -> None:
    assert is_key_of(process, f"{process}:charge")
    assert is_key_of(process, f"{process}:charge:do:0", more=r":do:[0-9]")


@pytest.mark.parametrize(
    "text",
    ["", "o-1", "o-1:", "o-1:Charge", "o-1:charge\n", "o-1:charge:do", "o-11:charge", "x:charge", "o-1:o-1:charge"],
)
def test_any_other_text_is_no_key_of_the_process(text: str) -> None:
    assert not is_key_of("o-1", text)


def test_a_process_is_no_pattern() -> None:
    assert not is_key_of("slip.s-1", "slipxs-1:charge")
