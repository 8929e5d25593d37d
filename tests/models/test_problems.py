"""Mistakes are reported in words, all at once, with the path of each, and never with the value."""

import importlib
import json
import pkgutil
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

import models
from models.base import Message
from models.errors import MISTAKES_AT_MOST, InvalidInput
from models.forms import WORDS
from models.intake.reading import check_payload, read_order, read_slip
from models.problems import problems
from tests.models.test_intake import GOOD, line, raw
from workflows.routing_slip.itinerary import Itinerary
from workflows.routing_slip.stops import STOPS

ADDRESS = GOOD["ship_to"]


def messages() -> Iterator[type[BaseModel]]:
    """Yield every model of the project's contracts."""
    for module in pkgutil.walk_packages(models.__path__, "models."):
        importlib.import_module(module.name)
    found = [Message]
    for model in found:
        found += model.__subclasses__()
        yield model


def patterns(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            yield schema["pattern"]
        yield from (pattern for inner in schema.values() for pattern in patterns(inner))
    elif isinstance(schema, list):
        yield from (pattern for inner in schema for pattern in patterns(inner))


def test_every_regular_expression_of_a_model_has_words() -> None:
    used = {pattern for model in messages() for pattern in patterns(model.model_json_schema())}

    assert len(used) > 5
    assert used - set(WORDS) == set()


def mistakes(read: Any) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        read()
    return [str(caught.value), *caught.value.others]


def test_every_article_on_two_lines_is_reported_beside_the_other_mistakes() -> None:
    lines = [{"sku": sku, "quantity": 1} for sku in ("SKU-1", "SKU-1", "SKU-2", "SKU-1", "SKU-2")]

    assert mistakes(lambda: read_order(raw(currency="USD", lines=lines))) == [
        "currency: must be EUR",
        "lines[1].sku: SKU-1 appears on two lines; merge them",
        "lines[3].sku: SKU-1 appears on two lines; merge them",
        "lines[4].sku: SKU-2 appears on two lines; merge them",
    ]


def test_all_mistakes_of_an_order_are_reported_at_once() -> None:
    changes: dict[str, Any] = {
        "order_id": "o 1",
        "currency": "EURO",
        "lines": [{"sku": "SKU 1", "quantiy": 2}, {"sku": "SKU-2", "quantity": 0}],
        "payment": {"method": "card", "token": "4111"},
        "ship_to": {**ADDRESS, "name": "", "post_code": "69001"},
        "total": "49.70",
    }

    assert mistakes(lambda: read_order(raw(**changes))) == [
        "order_id: must be 1 to 64 letters, digits, - and _, and start with a letter or a digit",
        "currency: must be EUR",
        "lines[0].sku: must be 1 to 64 letters, digits, - and _, and start with a letter or a digit",
        "lines[0].quantity: is missing",
        "lines[0].quantiy: is not a known field; did you mean quantity?",
        "lines[1].quantity: must be at least 1",
        "payment.token: must be a token of the payment provider: tok_ and 1 to 60 letters, digits and _",
        "ship_to.name: may not be empty",
        "ship_to.post_code: is not a known field; did you mean postcode?",
        "total: must be a whole number",
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"payment": {"method": "crad", "token": "tok_ok"}}, ["payment.method: must be card or bank_transfer"]),
        ({"payment": {"token": "tok_ok"}}, ["payment.method: is missing"]),
        ({"payment": "tok_ok"}, ["payment: must be an object"]),
        (
            {"payment": {"method": "card", "tokn": "tok_ok"}},
            ["payment.token: is missing", "payment.tokn: is not a known field; did you mean token?"],
        ),
        ({"card": 1}, ["card: is not a known field"]),
        ({"express": "yes"}, ["express: must be true or false"]),
        ({"lines": {}}, ["lines: must be a list"]),
        (
            {"ship_to": {**ADDRESS, "country": "France"}},
            ["ship_to.country: must be a country of two capital letters, such as FR"],
        ),
    ],
    ids=lambda each: next(iter(each)) if isinstance(each, dict) else "",
)
def test_a_mistake_is_named_in_words(changes: dict[str, Any], expected: list[str]) -> None:
    assert mistakes(lambda: read_order(raw(**changes))) == expected


def test_the_number_of_lines_is_bounded() -> None:
    found = mistakes(lambda: read_order(raw(lines=line(quantity=0) * 100)))

    assert len(found) == MISTAKES_AT_MOST + 1
    assert found[-1] == f"order: has {100 - MISTAKES_AT_MOST} more mistakes"


def test_no_mistake_contains_its_value() -> None:
    secret = "Zoë Canary"
    found = mistakes(
        lambda: read_order(raw(order_id=secret, customer_id=secret, total=secret, currency=secret, payment=secret))
    )

    assert len(found) == 5
    assert [text for text in found if secret in text] == []


def stop(name: str, activity: str, **arguments: Any) -> dict[str, Any]:
    return {"name": name, "activity": activity, "arguments": arguments}


def test_all_mistakes_of_a_slip_are_reported_at_once() -> None:
    slip = {"slip_id": "s 1", "itinerary": [stop("Price", "price_articles") | {"argumnts": 1}], "hops": 1}

    assert mistakes(lambda: read_slip(json.dumps(slip).encode())) == [
        "slip_id: must be 1 to 64 letters, digits, - and _, and start with a letter or a digit",
        "itinerary[0].name: must be 1 to 64 lower-case letters, digits, - and _, and start with a letter",
        "itinerary[0].argumnts: is not a known field; did you mean arguments?",
        "hops: is not a known field; did you mean max_hops?",
    ]


def test_all_mistakes_of_an_itinerary_are_reported_at_once() -> None:
    stops = [
        stop("price", "price_articles", lines={"$var": "artcles"}),
        stop("rap", "wrap_gifts"),
        stop("price", "charge_payment", amount={"$var": "price.totl"}, tokn="tok_ok"),
        stop("ship", "create_shipment", lines=[{"sku": "A", "quantiy": 1}], ship_to={"$var": "rap.to"}),
    ]
    slip = {"slip_id": "s-1", "itinerary": stops, "variables": {"articles": []}}

    assert mistakes(lambda: Itinerary(read_slip(json.dumps(slip).encode()))) == [
        "itinerary[0].arguments.lines: there is no variable artcles; did you mean articles?",
        f"itinerary[1].activity: wrap_gifts is not one of {', '.join(STOPS)}",
        "itinerary[2].name: price is taken",
        "itinerary[2].arguments.tokn: charge_payment has no such argument; did you mean token?",
        "itinerary[2].arguments.amount: the answer of price has no totl; did you mean total?",
        "itinerary[2].arguments.token: is missing",
        "itinerary[3].arguments.lines[0].quantity: is missing",
        "itinerary[3].arguments.lines[0].quantiy: is not a known field; did you mean quantity?",
    ]


def test_all_mistakes_of_a_payload_are_reported_at_once() -> None:
    assert mistakes(lambda: check_payload("payment_settled", {"amount": -1, "curency": "EUR"})) == [
        "payload.amount: must be at least 0",
        "payload.curency: is not a known field; did you mean currency?",
    ]


def test_an_unknown_kind_of_problem_is_still_a_sentence() -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(bytes).validate_python(1.5, strict=True)

    assert list(problems(caught.value)) == [("", "must be a valid bytes")]
