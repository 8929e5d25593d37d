"""Bad input is reported in one line that names the field, and a valid order is read unchanged."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import InvalidInput
from models.intake.documents import BYTES_AT_MOST
from models.intake.reading import read_order

GOOD: dict[str, Any] = {
    "order_id": "o-1001",
    "customer_id": "c-7",
    "currency": "EUR",
    "lines": [{"sku": "SKU-1", "quantity": 2}, {"sku": "SKU-2", "quantity": 1}],
    "payment": {"method": "card", "token": "tok_ok"},
    "ship_to": {"name": "A. Customer", "street": "1 Main St", "city": "Lyon", "postcode": "69001", "country": "FR"},
}


def raw(**changes: Any) -> bytes:
    return json.dumps(GOOD | changes).encode()


def line(**changes: Any) -> list[dict[str, Any]]:
    return [{"sku": "SKU-1", "quantity": 2} | changes]


def test_a_good_order_is_read() -> None:
    order = read_order(raw())

    assert order.order_id == "o-1001"
    assert [(each.sku, each.quantity) for each in order.lines] == [("SKU-1", 2), ("SKU-2", 1)]


BAD: list[tuple[bytes, str]] = [
    (b"", "order: is not JSON"),
    (b"{", "order: is not JSON"),
    (b"[]", "order: must be a JSON object"),
    (b"\xef\xbb\xbf{}", "order: is not JSON"),
    (b"\xff\xfe", "order: is not UTF-8"),
    (b'{"order_id": "a", "order_id": "b"}', "order_id: is given twice"),
    (b'{"total": NaN}', "order: NaN is not a JSON value"),
    (b"[" * 100_000, "order: is nested too deeply"),
    (b'{"a": "' + b"x" * BYTES_AT_MOST + b'"}', "order: is over 256 KB"),
    (raw(extra=1), "extra: is not a known field"),
    (raw(order_id="../etc"), "order_id: must be 1 to 64 letters"),
    (raw(order_id="a\n"), "order_id: must be 1 to 64 letters"),
    (raw(order_id="x" * 65), "order_id: must be 1 to 64 letters"),
    (raw(currency="eur"), "currency: must be EUR"),
    (raw(lines=[]), "lines: may not be empty"),
    (raw(lines=line() * 101), "lines: must have at most 100 entries"),
    (raw(lines=line() * 2), "lines[1].sku: SKU-1 appears on two lines; merge them"),
    (raw(lines=line(quantity=0)), "lines[0].quantity: must be at least 1"),
    (raw(lines=line(quantity=1001)), "lines[0].quantity: must be at most 1000"),
    (raw(lines=line(quantity=1.5)), "lines[0].quantity: must be a whole number"),
    (raw(lines=line(quantity="1")), "lines[0].quantity: must be a whole number"),
    (raw(lines=line(quantity=True)), "lines[0].quantity: must be a whole number"),
    (raw(total=19.99), "total: must be a whole number"),
    (raw(total=-1), "total: must be at least 0"),
    (
        raw(payment={"method": "card", "token": "4111111111111111"}),
        "payment.token: must be a token of the payment provider",
    ),
    (raw(ship_to=GOOD["ship_to"] | {"name": "4111 1111 1111 1111"}), "ship_to.name: looks like a card number"),
    (raw(ship_to=GOOD["ship_to"] | {"name": "a\x1b[31m"}), "ship_to.name: may not hold control characters"),
    (raw(ship_to=GOOD["ship_to"] | {"street": "  "}), "ship_to.street: may not be blank"),
]


@pytest.mark.parametrize(("document", "problem"), BAD, ids=[problem for _, problem in BAD])
def test_bad_input_names_the_field_in_one_line(document: bytes, problem: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_order(document)

    assert str(caught.value).startswith(problem)
    assert str(caught.value).isprintable()


@settings(deadline=None)
@given(st.binary(max_size=300) | st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists).map(
    lambda value: json.dumps(value).encode()
))  # fmt: skip
def test_any_invalid_document_is_refused_in_one_line(document: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_order(document)

    assert "\n" not in str(caught.value)


@settings(deadline=None)  # a busy machine must not fail the test
@given(st.sampled_from(sorted(GOOD)), st.none() | st.integers() | st.floats() | st.text() | st.lists(st.integers()))
def test_an_error_names_the_field_that_is_wrong(field: str, value: object) -> None:
    named = field
    try:
        read_order(json.dumps(GOOD | {field: value}).encode())
    except InvalidInput as error:
        named = error.field.split(".")[0].split("[")[0]

    assert named in {field, "order"}


def test_an_error_never_contains_the_value() -> None:
    with pytest.raises(InvalidInput) as caught:
        read_order(raw(order_id="my secret"))

    assert "my secret" not in str(caught.value)
