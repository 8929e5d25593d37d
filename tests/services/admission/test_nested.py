"""What a slip asks of the participants is found in a time that grows with its length only."""

import time
from typing import Any

from services.slips.stops import steps_of_slip

STOPS = 22


def stops_with(arguments: list[Any]) -> list[dict[str, Any]]:
    return [
        {"name": f"s{n}", "activity": "reserve_inventory", "arguments": {"lines": lines}}
        for n, lines in enumerate(arguments)
    ]


def test_nested_references_to_answers_are_not_followed() -> None:
    twice = [[{"sku": "SKU-1", "quantity": 1}], *([{"$var": f"s{n}.lines"}] * 2 for n in range(STOPS))]
    stops = stops_with(twice)
    began = time.thread_time()

    steps = steps_of_slip({"itinerary": stops}, [])

    assert time.thread_time() - began < 0.1
    assert steps["s1"].values == {"lines": [None, None]}


def test_a_whole_argument_that_repeats_an_earlier_one_is_known() -> None:
    arguments: list[Any] = [{"$var": "articles"}, {"$var": "s0.lines"}, {"$var": "s1.lines"}]
    stops = stops_with(arguments)

    steps = steps_of_slip({"itinerary": stops, "variables": {"articles": [1]}}, [])

    assert [step.values for step in steps.values()] == [{"lines": [1]}] * 3
