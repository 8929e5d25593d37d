"""Strict parsing of raw bytes to a JSON object that every JSON parser reads in the same way."""

import json
import math
from typing import Any, NoReturn

from models.errors import InvalidInput
from models.problems import shown

BYTES_AT_MOST = 256 * 1024
# Deeper than any valid document, and well below the limits of the parsers that read it later.
DEEPEST = 64
DIGITS_AT_MOST = 1000
# Of a path in a message: a field's name may be nearly as long as the document.
PATH_AT_MOST = 200


class _NotJson(ValueError):
    """Input that Python's parser accepts although it is not JSON."""


def read_object(raw: bytes, what: str) -> dict[str, Any]:
    """Return the JSON object in `raw`; raise InvalidInput with the field, or with `what` for the whole document.

    Refuses more than Python's parser: oversized or deep documents, other encodings than UTF-8, duplicate keys, NaN,
    control characters in names, and lone surrogates.
    """
    if len(raw) > BYTES_AT_MOST:
        raise InvalidInput(what, f"is over {BYTES_AT_MOST // 1024} KB")
    document = _parsed(raw, what)
    if not isinstance(document, dict):
        raise InvalidInput(what, "must be a JSON object")
    for name, value in document.items():
        _check(shown(name, PATH_AT_MOST), value, what, DEEPEST)
    return document


def _parsed(raw: bytes, what: str) -> Any:
    try:
        return json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_float=_finite,
            parse_int=_whole,
        )
    except UnicodeDecodeError:
        raise InvalidInput(what, "is not UTF-8") from None
    except RecursionError:
        raise InvalidInput(what, "is nested too deeply") from None
    except _NotJson as error:
        raise InvalidInput(what, str(error)) from None
    except ValueError as error:
        words = str(error).replace("\\", "")
        raise InvalidInput(what, f"is not JSON: {words}") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for name, value in pairs:
        if name in seen:
            raise InvalidInput(shown(name), "is given twice")
        if not name.isprintable():
            raise InvalidInput(shown(name), "a field's name may not hold control characters")
        seen[name] = value
    return seen


def _no_constant(name: str) -> NoReturn:
    raise _NotJson(f"{name} is not a JSON value")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise _NotJson("holds a number that is too large")
    return number


def _whole(digits: str) -> int:
    if len(digits) > DIGITS_AT_MOST:
        raise _NotJson(f"holds a number of over {DIGITS_AT_MOST} digits")
    return int(digits)


def _check(field: str, value: Any, what: str, levels: int) -> None:
    """Raise InvalidInput for too many levels and for lone surrogates, which later parsers refuse."""
    if not levels:
        raise InvalidInput(what, "is nested too deeply")
    if isinstance(value, dict):
        for name, item in value.items():
            _check(shown(f"{field}.{name}", PATH_AT_MOST), item, what, levels - 1)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            _check(f"{field}[{number}]", item, what, levels - 1)
    elif isinstance(value, str) and any("\ud800" <= c <= "\udfff" for c in value):
        raise InvalidInput(shown(field, PATH_AT_MOST), "holds a lone surrogate, which is not a character")
