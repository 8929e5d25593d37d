"""An order, its hash and its identifiers."""

import json

import pytest
from pydantic import ValidationError

from models.intake.reading import read_order
from models.names import is_id, key, workflow_id
from models.order import Order
from tests.models.test_intake import GOOD


def test_the_same_order_has_the_same_hash_in_any_format() -> None:
    there = read_order(json.dumps(GOOD).encode())
    back = read_order(json.dumps(dict(reversed(GOOD.items())), indent=4).encode())

    assert there.body_hash() == back.body_hash()


def test_another_order_has_another_hash() -> None:
    one, two = (read_order(json.dumps(GOOD | {"customer_id": name}).encode()) for name in ("c-1", "c-2"))

    assert one.body_hash() != two.body_hash()


def test_an_order_can_not_be_changed() -> None:
    order = read_order(json.dumps(GOOD).encode())

    with pytest.raises(ValidationError, match="frozen"):
        order.order_id = "other"  # type: ignore[misc]


def test_an_order_is_the_same_after_a_round_trip() -> None:
    order = read_order(json.dumps(GOOD).encode())

    assert Order.model_validate_json(order.model_dump_json()) == order


@pytest.mark.parametrize(("text", "good"), [("o-1", True), ("", False), ("-o", False), ("o\n", False), ("ö", False)])
def test_an_id_has_only_allowed_characters(text: str, *, good: bool) -> None:
    assert is_id(text) is good


def test_names_depend_only_on_the_order() -> None:
    assert (workflow_id("o-1"), key("o-1", "charge")) == ("order-o-1", "o-1:charge")
