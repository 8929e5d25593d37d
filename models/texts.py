"""Texts from users: printable in one line of a label, a terminal or a log, and without card numbers."""

import re
from collections.abc import Iterator
from datetime import datetime
from itertools import combinations
from typing import Annotated

from pydantic import AfterValidator, Field, JsonValue, TypeAdapter, ValidationError

from models.problems import first_problem

CARD_NUMBER_DIGITS = range(13, 20)
# A card number is written in one run, or in groups of digits with up to three other characters between them.
_RUN = re.compile(r"\d{13,}")
_GROUPS = re.compile(r"(?<!\d)\d{1,6}(?:[\W_]{1,3}\d{1,6})+(?!\d)")
# The first digits of card numbers; most times, ids and references begin with others.
_ISSUER = re.compile(r"[3-6]|2[2-7]")


def holds_card_number(text: str) -> bool:
    """Return whether a text contains a card number."""
    return any(_is_card_number(digits) for digits in _candidates(text))


def _candidates(text: str) -> Iterator[str]:
    yield from _RUN.findall(text)
    for chain in _GROUPS.findall(text):
        groups = re.findall(r"\d+", chain)
        for first, behind in combinations(range(len(groups) + 1), 2):
            yield "".join(groups[first:behind])


def _is_card_number(candidate: str) -> bool:
    """Return whether digits, of any script, have a card number's length and beginning and pass the Luhn check."""
    if len(candidate) not in CARD_NUMBER_DIGITS:
        return False
    digits = [int(c) for c in candidate]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    issued = _ISSUER.match("".join(map(str, digits)))
    return issued is not None and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def one_line(text: str) -> str:
    """Return the text unchanged; raise ValueError if it has control characters."""
    if not text.isprintable():
        raise ValueError("may not hold control characters")
    return text


def printable(text: str) -> str:
    """Return the text unchanged; raise ValueError if it has control characters or a card number, or is blank."""
    one_line(text)
    if not text.strip():
        raise ValueError("may not be blank")
    if holds_card_number(text):
        raise ValueError("looks like a card number; send the provider's token instead")
    return text


Text = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(printable)]
_TEXT: TypeAdapter[str] = TypeAdapter(Text)


def check_texts(field: str, value: JsonValue) -> None:
    """Raise ValueError, naming the field, when a text in the value is not printable or looks like a card number."""
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
    """Return whether a text is a date and time, which has as many digits as a card number."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
