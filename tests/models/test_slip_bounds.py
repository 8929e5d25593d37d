"""What a slip may cost at most: its check, its revisions, and the details of its history."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from models.activities.fraud import CheckFraud
from models.errors import InvalidInput
from models.money import Money
from models.slips.slip import HOPS_AT_MOST, REVISIONS_AT_MOST, Revision, RoutingSlip
from models.texts import check_texts
from services.fraud.fraud import FraudDesk
from temporal_saga import Execution
from workflows.routing_slip.itinerary import Itinerary
from workflows.states import table_of

# What a slip of the largest size may cost a workflow thread; the SDK gives it up after two seconds.
CHECKED_IN_MILLISECONDS = 400.0
SIMILAR = "a" * 60


def of_stops(arguments: list[dict[str, Any]], variables: dict[str, Any], name: str = "s") -> RoutingSlip:
    stops = [
        {"name": f"{name}{n:03}", "activity": "reserve_inventory", "arguments": each}
        for n, each in enumerate(arguments)
    ]
    document = {"slip_id": "s-1", "itinerary": stops, "variables": variables, "max_hops": HOPS_AT_MOST}
    return RoutingSlip.model_validate_json(json.dumps(document))


def references(name: str, number: int) -> list[dict[str, str]]:
    return [{"$var": name}] * number


WIDE = {f"{n:06}": 1 for n in range(1200)}
CROWDED: dict[str, Callable[[], RoutingSlip]] = {
    "mistakes in one variable": lambda: of_stops([{"lines": references("x", 100)}] * 5, {"x": WIDE}),
    "one variable in each stop": lambda: of_stops([{"lines": references("x", 1)}] * 50, {"x": [WIDE]}),
    "one variable many times": lambda: of_stops([{"lines": references("x", 900)}], {"x": [1] * 5000}),
    "stops of similar names": lambda: of_stops(
        [{"lines": {"$var": f"{SIMILAR}b{n}.lines"}, "shelf": {"$var": f"{SIMILAR}.x"}} for n in range(50)], {}, SIMILAR
    ),
    "variables of similar names": lambda: of_stops(
        [{"lines": references(f"{SIMILAR}c{n}", 1)} for n in range(50)], {f"{SIMILAR}{n:03}": 1 for n in range(100)}
    ),
}


@pytest.mark.parametrize("kind", CROWDED)
def test_no_slip_within_the_limits_holds_a_workflow_thread(kind: str) -> None:
    slip = CROWDED[kind]()
    began = time.thread_time()
    with pytest.raises(InvalidInput):
        Itinerary(slip)

    assert (time.thread_time() - began) * 1000 < CHECKED_IN_MILLISECONDS


def test_a_revision_is_applied_in_milliseconds() -> None:
    full = of_stops([{"lines": [{"sku": "SKU-1", "quantity": 1}]}] * HOPS_AT_MOST, {})
    itinerary, run = Itinerary(full), SimpleNamespace(unwinding=False, stopped=None, begun=[], ahead=[])
    times = []
    for _ in range(5):
        began = time.thread_time()
        itinerary.preview(run, Revision(replace=full.itinerary))  # type: ignore[arg-type] # what it reads of a run
        times.append((time.thread_time() - began) * 1000)

    # A replay of all revisions fits into one workflow task, which takes ten seconds at most.
    assert min(times) * REVISIONS_AT_MOST < 5000, times


def test_the_details_of_a_long_history_stay_short() -> None:
    lines = [Execution(f"s{n}", "do", "x" * 120, datetime(2030, 1, 1, tzinfo=UTC)) for n in range(2000)]
    run: Any = SimpleNamespace(history=lines, status="running", process="o-1")

    table = table_of(run)

    assert len(table) < 20_000
    assert "1900 earlier lines" in table
    assert "s1999" in table


@pytest.mark.parametrize(
    "text", ["2030-01-01\x0000:00:00", "2030-01-01\x1b00:00:00", "2030-01-01T00:00:00.4111111111111111"]
)
def test_a_moment_hides_no_other_text(text: str) -> None:
    check_texts("at", "2030-01-01T07:43:00.123456789+05:30")
    with pytest.raises(ValueError, match=r"^at: "):
        check_texts("at", text)


def test_the_longest_name_of_a_fraud_check_has_a_review() -> None:
    request = {"key": f"slip.s-1:{'f' * 64}", "order_id": "slip.s-1", "limit": 1}
    checked = FraudDesk().check(CheckFraud.model_validate(request | {"amount": Money(amount=2, currency="EUR")}))

    assert checked.revision is not None
    assert checked.revision.insert[0].name == f"{'f' * 57}-review"
