"""Texts from users: printable in one line of a label, a terminal or a log, and without card numbers."""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from itertools import accumulate
from typing import Annotated

from pydantic import AfterValidator, Field, JsonValue, TypeAdapter, ValidationError

from models.problems import first_problem

CARD_NUMBER_DIGITS = range(13, 20)
# A card number is written in one run, or in groups of digits with up to three other characters between them.
_RUN = re.compile(r"\d{13,}")
_GROUPS = re.compile(r"(?<!\d)\d{1,6}(?:[\W_]{1,3}\d{1,6})+(?!\d)")
_DIGITS = re.compile(r"\d+")
_LONG_FRACTION = re.compile(r"\d{10}")
_FIRST_TWO = frozenset({*range(22, 28), *range(30, 70)})
_DOUBLED = [sum(divmod(2 * digit, 10)) for digit in range(10)]
# The limits of a value: no valid request comes near them, and a workflow checks any value within them in milliseconds.
LEVELS_AT_MOST = 32
MOMENT_AT_MOST = len("2030-01-01T00:00:00.000000000+00:00")
NUMBER_AT_MOST = 10**15


def holds_card_number(text: str) -> bool:
    """Return whether a text contains a card number, in a time that grows with the length of the text only."""
    if len(text) < CARD_NUMBER_DIGITS.start:
        return False
    return any(_has_card_number(_DIGITS.findall(chain)) for chain in _candidates(text))


def _candidates(text: str) -> Iterator[str]:
    yield from _RUN.findall(text)
    yield from _GROUPS.findall(text)


def _has_card_number(groups: list[str]) -> bool:
    """Return whether groups of digits, of any script, that follow one another are together a card number.

    That is 13 to 19 digits which begin as those of card issuers do and pass the Luhn check. The check of each window is
    the difference of two running sums: one for numbers that end at an odd place, one for those that end at an even one.
    """
    ends = list(accumulate(map(len, groups), initial=0))
    if ends[-1] < CARD_NUMBER_DIGITS.start or (len(groups) == 1 and ends[-1] not in CARD_NUMBER_DIGITS):
        return False
    digits = list(map(int, "".join(groups)))
    doubled = [_DOUBLED[digit] for digit in digits]
    sums = (_running_sums(digits, doubled), _running_sums(doubled, digits))
    first = 0
    for end in ends:
        even = sums[1 - end % 2]
        while ends[first] <= end - CARD_NUMBER_DIGITS.stop:
            first += 1
        place = first
        while (start := ends[place]) <= end - CARD_NUMBER_DIGITS.start:
            if (even[end] - even[start]) % 10 == 0 and _begins_a_card_number(digits[start], digits[start + 1]):
                return True
            place += 1
    return False


def _running_sums(at_even: list[int], at_odd: list[int]) -> list[int]:
    """Return the sums of the first 0, 1, 2 ... numbers, taken in turn from the two lists."""
    mixed = at_even.copy()
    mixed[1::2] = at_odd[1::2]
    return list(accumulate(mixed, initial=0))


def _begins_a_card_number(first: int, second: int) -> bool:
    """Return whether the first two digits are those of a card number; most ids and references begin with others."""
    return 10 * first + second in _FIRST_TWO


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
    """Raise ValueError, naming the field, when a value is not fit to be stored and shown.

    It may be nested LEVELS_AT_MOST deep, a text must be printable and not look like a card number, and a number must be
    at most NUMBER_AT_MOST.
    """
    for each in _parts(field, value, LEVELS_AT_MOST):
        if isinstance(each, int | float):
            if not abs(each) <= NUMBER_AT_MOST:  # this is also the answer for NaN
                raise ValueError(f"{field}: holds a number over {NUMBER_AT_MOST}")
        elif not _is_moment(each):
            try:
                _TEXT.validate_python(each)
            except ValidationError as error:
                raise ValueError(f"{field}: {first_problem(error)[1]}") from None


def check_size(field: str, value: object, bytes_at_most: int) -> None:
    """Raise ValueError, naming the field, when a value is too large as JSON."""
    if len(json.dumps(value, default=str)) > bytes_at_most:
        raise ValueError(f"{field}: is over {bytes_at_most // 1024} KB")


def _parts(field: str, value: JsonValue, levels: int) -> Iterator[str | float]:
    """Return the texts and numbers of a value, and the names that are not printable."""
    level: list[JsonValue] = [value]
    while level:  # level by level: a generator within a generator would cost every part its depth
        if not levels:
            raise ValueError(f"{field}: is nested too deeply")
        levels -= 1
        below: list[JsonValue] = []
        for each in level:
            if isinstance(each, str | int | float):
                yield each
            elif isinstance(each, dict):
                yield from (name for name in each if not name.isprintable())
                below += each.values()
            elif isinstance(each, list):
                below += each
        level = below


def _is_moment(text: str) -> bool:
    """Return whether a text is a date and time, which has as many digits as a card number."""
    # Python takes any character for the T, and a fraction of any length.
    if len(text) > MOMENT_AT_MOST or not text.isprintable() or _LONG_FRACTION.search(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
