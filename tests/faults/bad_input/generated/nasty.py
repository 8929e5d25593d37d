"""Values that often break programs, and values that are nearly right."""

from typing import Any

NASTY_TEXTS = (
    *("", " ", "\0", "a\0b", "\x1b[31m", "\r\nX: 1", "\u202e", "\u200b", "\ufeff", "\ud800", "\udfff", "\uffff"),
    *("4111111111111111", "x 5555-5555-5555-4444 y", "'; DROP TABLE orders.orders; --", "../../etc/passwd", "%00"),
    *("${jndi:ldap://x}", "{{7*7}}", "<script>", "true", "null", "1", "-1", "1e999", "NaN", "\u0661\u0662", "é"),
    *("e\u0301", "$var", "__class__", "key", "order_id", "x" * 65, "x" * 201, "x" * 501, "ﬁ", "𝔘", "🛒", "👩\u200d🚀"),
    *("-", "--json", "slip-", "%s%n", "\x7f"),
)
NASTY_NUMBERS = (0, -1, 1, 2**31, 2**53 + 1, 2**63, 2**64, 10**30, 1.0, 0.5, -0.0, 1e308, 5e-324)
# A placeholder for a number that JSON can write and no float can hold.
BIG = "<1e999>"
NASTY: tuple[Any, ...] = (None, True, False, [], {}, [[]], {"$var": "x"}, [None], *NASTY_NUMBERS, *NASTY_TEXTS)


def nearly(value: Any) -> list[Any]:
    """Return values that may be mistaken for this one."""
    if type(value) is int:
        over = [1001, 10**12 + 1, 31 * 86_400]
        return [str(value), float(value), -value, value + 1, value * 1000, bool(value), BIG, *over]
    if isinstance(value, str):
        spaced = [f"{value}\n", f" {value}", f"{value}\0"]
        return [value.lower(), value.upper(), value[::-1], value * 9, [value], BIG, *spaced]
    if isinstance(value, list):
        return [dict(enumerate(value)), value + value, value[:1] or None, value[0] if value else {}, value * 60]
    if isinstance(value, dict):
        return [list(value.values()), [value], list(value), str(value), value | {"colour": 1}]
    return [str(value).lower(), [value], not value]
