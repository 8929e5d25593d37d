"""Everything that a process is sent has an upper bound, and is checked in a time that can't hold a workflow thread."""

import json
import random
import re
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from itertools import combinations
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.exceptions import ApplicationError

from models.activities.fraud import CheckFraud
from models.activities.payments import ChargePayment
from models.activities.slips import AcceptSlip, AwaitRelease, ManualReview, RecordRevision
from models.commands import REQUEST_AT_MOST, Resolve
from models.errors import InvalidInput
from models.external_events import PAYLOAD_AT_MOST, ExternalEvent
from models.order import Order
from models.slips.slip import SLIP_AT_MOST, ReviseSlip, RoutingSlip
from models.texts import LEVELS_AT_MOST, NUMBER_AT_MOST, holds_card_number
from runtime.converter import COMMANDS, DATA_CONVERTER, INPUTS
from workflows.routing_slip.itinerary import Itinerary

# What a message may hold a workflow thread in the worst case; the SDK gives up a thread after two seconds.
MILLISECONDS_AT_MOST = 50.0
TEXT_AT_MOST = 200


def slip_with(variables: dict[str, Any]) -> dict[str, Any]:
    stop = {"name": "hold", "activity": "await_release", "arguments": {"until": "2030-01-01T00:00:00Z"}}
    return {"slip_id": "s-1", "itinerary": [stop], "variables": variables}


def resolve_with(request: dict[str, Any]) -> dict[str, Any]:
    return {"step": "charge", "verb": "edit", "actor": "ana", "reason": "seen", "request": request}


def event_with(payload: dict[str, Any]) -> dict[str, Any]:
    return {"event_id": "e-1", "type": "payment_failed", "payload": payload}


def revision_with(arguments: dict[str, Any]) -> dict[str, Any]:
    stop = {"name": "hold", "activity": "await_release", "arguments": arguments}
    return {"revision": {"insert": [stop]}, "actor": "ana", "reason": "seen"}


# A kind of message → its largest size, the message around a value, and what a workflow makes of it.
MESSAGES: dict[type[BaseModel], tuple[int, Callable[[Any], dict[str, Any]], Callable[[Any], object]]] = {
    RoutingSlip: (SLIP_AT_MOST, slip_with, Itinerary),
    ReviseSlip: (SLIP_AT_MOST, revision_with, lambda _: None),
    Resolve: (REQUEST_AT_MOST, resolve_with, lambda _: None),
    ExternalEvent: (PAYLOAD_AT_MOST, event_with, lambda _: None),
}
# Texts that a search for card numbers finds hard: groups of digits and what stands between them.
GROUPS, BETWEEN = ("1", "4", "12", "44", "333", "4444", "55555", "666666", "٣", "4" * 13), (" ", "-", " - ", "_", ". ")


def texts_of(unit: str, size: int) -> list[str]:
    """Return texts of the longest length, made of a unit, that are together of a size."""
    text = (unit * (TEXT_AT_MOST // len(unit)))[:TEXT_AT_MOST].strip() or "x"
    return [text] * max(1, size // (len(json.dumps(text)) + 2) - 2)


def shapes(size: int) -> dict[str, Any]:
    """Return values of nearly a size, of every shape that the limits allow."""
    units = [group + gap for group in GROUPS for gap in BETWEEN] + ["é", "2030-01-01T00:00:00+00:00 "[:25]]
    deep: Any = "4 4 4 4 4 4 4 4"
    for _ in range(LEVELS_AT_MOST - 4):
        deep = [deep]
    many: dict[str, Any] = {
        "deep": [deep] * (size // (len(json.dumps(deep)) + 2) - 4),
        "numbers": [1] * (size // 3 - 40),
    }
    many |= {"names": {f"{n:04}": {} for n in range(size // 12 - 20)}, "nothing": [None] * (size // 6 - 40)}
    return many | {f"text {unit!r}": texts_of(unit, size) for unit in units}


@pytest.mark.parametrize("kind", MESSAGES, ids=lambda kind: kind.__name__)
def test_no_message_within_the_limits_holds_a_workflow_thread(kind: type[BaseModel]) -> None:
    size, around, used = MESSAGES[kind]
    adapter, worst = TypeAdapter(kind), (0.0, "")
    for name, value in shapes(size - 512).items():
        raw = json.dumps(around({"v": value}), ensure_ascii=False).encode()
        took = milliseconds_of(adapter, raw, used)
        if took >= MILLISECONDS_AT_MOST:  # measured again: the first time may have paid for something else
            took = min(milliseconds_of(adapter, raw, used) for _ in range(3))
        worst = max(worst, (took, name))

    assert worst[0] < MILLISECONDS_AT_MOST, worst


LONG = 64
VARIABLES = {f"v{'ab' * 30}{n:03}": 1 for n in range(100)}
MISSPELT = f"v{'ab' * 30}bab"
LINE = {"sku": "S", "quantity": 1}


def stops(activity: str, arguments: dict[str, Any], count: int = 50) -> list[dict[str, Any]]:
    return [{"name": f"s{n:02}", "activity": activity, "arguments": arguments} for n in range(count)]


def var(name: str) -> dict[str, str]:
    return {"$var": name}


FRAUD = ("amount", "limit", "over", "within_seconds")
# Slips whose stops are many, or refer to long variables, or are wrong in many places.
ITINERARIES: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
    "misspelt variables": (stops("check_fraud", dict.fromkeys(FRAUD, var(MISSPELT))), VARIABLES),
    "misspelt stops": (
        [
            {
                "name": f"s{'a' * (LONG - 4)}{n:03}",
                "activity": "wrap_gift",
                "arguments": {"lines": var(f"{'a' * LONG}.x")},
            }
            for n in range(50)
        ],
        {},
    ),
    "a variable in each argument": (stops("check_fraud", dict.fromkeys(FRAUD, var("v"))), {"v": [1] * 5000}),
    "a variable a thousand times": (
        stops("price_articles", {"lines": [var("v")] * 1000}, 1),
        {"v": [1] * 3500},
    ),
    "right": (stops("price_articles", {"lines": var("v")}), {"v": [LINE] * 30}),
    "right without variables": (
        stops("price_articles", {"lines": [{"sku": f"S-{n}", "quantity": 1} for n in range(9)]}),
        {},
    ),
    "unknown arguments": (stops("price_articles", {f"a{n:02}": 1 for n in range(20)}), {}),
    "misspelt fields": (stops("price_articles", {"lines": var("v")}), {"v": [{"skuu": "S", "quantiy": 1}] * 100}),
}


@pytest.mark.parametrize("name", ITINERARIES)
def test_no_itinerary_within_the_limits_holds_a_workflow_thread(name: str) -> None:
    itinerary, variables = ITINERARIES[name]
    document = {"slip_id": "s-1", "itinerary": itinerary, "variables": variables, "max_hops": 50}
    raw = json.dumps(document).encode()
    adapter = TypeAdapter(RoutingSlip)
    adapter.validate_json(raw)

    def used(slip: RoutingSlip) -> None:
        with suppress(InvalidInput):
            Itinerary(slip)

    assert min(milliseconds_of(adapter, raw, used) for _ in range(3)) < MILLISECONDS_AT_MOST


SENT = [*sorted(INPUTS | COMMANDS, key=lambda kind: kind.__name__), AcceptSlip, RecordRevision, ChargePayment]


@pytest.mark.parametrize("kind", SENT, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("size", [60_000, 1_900_000])
def test_no_payload_holds_a_workflow_thread(kind: type[BaseModel], size: int) -> None:
    """Of any size that the server takes, with as many mistakes as fit in."""
    raw = json.dumps({f"{n:x}": 0 for n in range(size // 10)}).encode()
    payload = Payload(metadata={"encoding": b"json/plain"}, data=raw)
    converter = DATA_CONVERTER.payload_converter

    def took() -> float:
        began = time.thread_time()
        try:
            converter.from_payload(payload, kind)
        except (ApplicationError, ValidationError) as error:
            # As the SDK does: it wraps the error, and writes it into the answer.
            wrapped = ApplicationError("Failed decoding arguments")
            wrapped.__cause__ = error
            DATA_CONVERTER.failure_converter.to_failure(wrapped, converter, Failure())
        return (time.thread_time() - began) * 1000

    assert min(took() for _ in range(3)) < MILLISECONDS_AT_MOST


def milliseconds_of(adapter: TypeAdapter[Any], raw: bytes, used: Callable[[Any], object]) -> float:
    """Return the CPU time of this thread in which a message is decoded, or refused, and used."""
    began = time.thread_time()
    with suppress(ValidationError):
        used(adapter.validate_json(raw))
    return (time.thread_time() - began) * 1000


@pytest.mark.parametrize("kind", MESSAGES, ids=lambda kind: kind.__name__)
def test_a_message_over_its_size_is_refused(kind: type[BaseModel]) -> None:
    size, around, _ = MESSAGES[kind]
    with pytest.raises(ValidationError, match=f"is over {size // 1024} KB"):
        kind.model_validate_json(json.dumps(around({"v": ["x" * 100] * (size // 100)})))


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("kind", MESSAGES, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (NUMBER_AT_MOST + 1, "a number over"),
        (-(10**300), "a number over"),
        (1e300, "a number over"),
        (nested(LEVELS_AT_MOST + 1), "nested too deeply"),
    ],
)
def test_numbers_and_nesting_end_somewhere(kind: type[BaseModel], value: Any, problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        kind.model_validate_json(json.dumps(MESSAGES[kind][1]({"v": value})))


REQUEST = {"key": "o-1:s", "order_id": "o-1"}
EDGES = [
    (ManualReview, "within_seconds", 10**15),
    (CheckFraud, "within_seconds", 10**15),
    (AwaitRelease, "until", datetime.max.replace(tzinfo=timezone(timedelta(hours=-23, minutes=-59)))),
    (AwaitRelease, "until", datetime.min.replace(tzinfo=timezone(timedelta(hours=23, minutes=59)))),
    (AwaitRelease, "until", datetime(2200, 1, 1, tzinfo=UTC)),
]


@pytest.mark.parametrize(("kind", "field", "value"), EDGES)
def test_a_time_beyond_every_calendar_is_refused(kind: type[BaseModel], field: str, value: object) -> None:
    amount = {"amount": {"amount": 1, "currency": "EUR"}, "limit": 1} if kind is CheckFraud else {}
    with pytest.raises(ValidationError) as refused:
        kind.model_validate(REQUEST | amount | {field: value})
    assert [error["loc"] for error in refused.value.errors()] == [(field,)]


def test_every_number_of_every_message_has_an_upper_bound() -> None:
    open_ended = {f"{kind.__name__}.{path}" for kind in KINDS for path in unbounded(kind)}
    assert open_ended == set()


KINDS: list[type[BaseModel]] = [Order, *MESSAGES]


def unbounded(kind: type[BaseModel]) -> list[str]:
    """Return the paths of the numbers and lists in a message's JSON schema that have no upper bound."""
    schema = kind.model_json_schema()
    found: list[str] = []

    def look(path: str, node: Any) -> None:
        if isinstance(node, list):
            for each in node:
                look(path, each)
        if not isinstance(node, dict):
            return
        limits = {"integer": {"maximum", "exclusiveMaximum"}, "number": {"maximum"}, "array": {"maxItems"}}
        of = node.get("type")
        needed = limits.get(of, set()) if isinstance(of, str) else set()
        if needed and not needed & node.keys():
            found.append(path)
        for name, inner in node.items():
            look(f"{path}.{name}", inner)

    look("", schema)
    return found


def slow_but_plain(text: str) -> bool:
    """Return whether a text holds a card number: every pair of groups is tried, with the rule of the card issuers."""
    chains = [re.findall(r"\d+", chain) for chain in re.findall(r"(?<!\d)\d{1,6}(?:[\W_]{1,3}\d{1,6})+(?!\d)", text)]
    joined = ["".join(c[a:b]) for c in chains for a, b in combinations(range(len(c) + 1), 2)]
    return any(map(passes, [*joined, *re.findall(r"\d{13,}", text)]))


def passes(number: str) -> bool:
    digits = [int(c) for c in number]
    if not (13 <= len(digits) <= 19 and (digits[0] in {3, 4, 5, 6} or 22 <= 10 * digits[0] + digits[1] <= 27)):
        return False
    return sum(d if place % 2 == 0 else sum(divmod(2 * d, 10)) for place, d in enumerate(reversed(digits))) % 10 == 0


def test_card_numbers_are_found_as_by_trying_every_pair_of_groups() -> None:
    chance, both = random.Random(7), {True: 0, False: 0}  # noqa: S311 - a fixed seed
    for _ in range(3000):
        text = "".join(chance.choice("0123456789" * 3 + " -_x٣") for _ in range(chance.randrange(10, 60)))
        found = holds_card_number(text)
        assert found == slow_but_plain(text), text
        both[found] += 1

    assert min(both.values()) > 30
