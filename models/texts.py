"""Texts that people write and others read: fit for one line of a label, a terminal or a log, without card numbers."""

import re
from collections.abc import Iterator
from datetime import datetime
from itertools import combinations
from typing import Annotated

from pydantic import AfterValidator, Field, JsonValue, TypeAdapter, ValidationError

from models.problems import first_problem

CARD_NUMBER_DIGITS = range(13, 20)
# How people write a card number: in one run, or in groups with a mark or two between. Longer groups are other numbers.
_RUN = re.compile(r"\d{13,}")
_GROUPS = re.compile(r"(?<!\d)\d{1,6}(?:[\W_]{1,3}\d{1,6})+(?!\d)")
# What the first digits of a card can be, so that most times, ids and references are none.
_ISSUER = re.compile(r"[3-6]|2[2-7]")


def holds_card_number(text: str) -> bool:
    """Tell whether a card number stands somewhere in a text, whatever else stands beside it."""
    return any(_is_card_number(digits) for digits in _written_like_one(text))


def _written_like_one(text: str) -> Iterator[str]:
    yield from _RUN.findall(text)
    for chain in _GROUPS.findall(text):
        groups = re.findall(r"\d+", chain)
        for first, behind in combinations(range(len(groups) + 1), 2):
            yield "".join(groups[first:behind])


def _is_card_number(written: str) -> bool:
    """Tell whether digits, of any script, are as many as a card has, begin like one and pass the Luhn check."""
    if len(written) not in CARD_NUMBER_DIGITS:
        return False
    digits = [int(c) for c in written]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    issued = _ISSUER.match("".join(map(str, digits)))
    return issued is not None and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def printable(text: str) -> str:
    """Return a text that fits one line; raise ValueError for control characters, blanks only, and card numbers."""
    if not text.isprintable():
        raise ValueError("may not hold control characters")
    if not text.strip():
        raise ValueError("may not be blank")
    if holds_card_number(text):
        raise ValueError("looks like a card number; send the provider's token instead")
    return text


Text = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(printable)]
_TEXT: TypeAdapter[str] = TypeAdapter(Text)


def check_texts(field: str, value: JsonValue) -> None:
    """Raise ValueError, naming the field, when a text in it can't be printed or looks like a card number."""
    for text in _texts(value):
        if not _is_moment(text):
            try:
                _TEXT.validate_python(text)
            except ValidationError as error:
                raise ValueError(f"{field}: {first_problem(error)[1]}") from None


def _texts(value: JsonValue) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (name for name in value if not name.isprintable())
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _is_moment(text: str) -> bool:
    """A date and time has as many digits as a card number."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
