"""Revisions of a running slip; the completed stops are undone in the reverse of the order in which they ran."""

from typing import Any

import pytest

from models.slips.slip import Review
from tests.slips.conftest import (
    Handle,
    lines,
    receipts,
    refused,
    result_of,
    revision,
    start,
    state_of,
    until,
    update,
    waiting,
)
from tests.slips.slips import slip, stop
from tests.systems import System

pytestmark = pytest.mark.server


async def held(system: System, *stops: Any, **fields: Any) -> Handle:
    """Start a slip that has reserved stock and waits for a review, with these stops ahead."""
    handle = await start(system, slip("price", "reserve", "hold", *stops, **fields))
    await waiting(handle)
    return handle


async def approve(handle: Handle) -> None:
    await update(handle, "review", Review(stop="hold", verdict="approve", actor="ann", reason="go on"))


@pytest.mark.parametrize(
    ("how", "visited"),
    [
        ({"insert": (stop("wrap"),)}, ["wrap", "charge", "ship"]),
        ({"insert": (stop("wrap"),), "before": "ship"}, ["charge", "wrap", "ship"]),
        ({"insert": (stop("wrap"),), "after": "charge"}, ["charge", "wrap", "ship"]),
        ({"insert": (stop("wrap-1"), stop("wrap-2")), "before": "charge"}, ["wrap-1", "wrap-2", "charge", "ship"]),
        ({"replace": (stop("charge"), stop("wrap"), stop("ship"))}, ["charge", "wrap", "ship"]),
        ({"drop": ("charge",)}, ["ship"]),
        ({"drop": ("charge",), "insert": (stop("wrap"),)}, ["wrap", "ship"]),
    ],
    ids=["insert", "before", "after", "two", "replace", "drop", "exchange"],
)
async def test_a_revised_slip_is_undone_in_reverse_order(
    system: System, how: dict[str, Any], visited: list[str]
) -> None:
    handle = await held(system, "charge", "ship", postcode="00000")

    taken = await update(handle, "revise_slip", revision(**how))
    await approve(handle)

    result, state = await result_of(handle), await state_of(handle)
    assert result is not None
    assert (taken.version, result.version) == (2, 2)
    recorded = [] if set(visited) <= {"charge", "ship"} else ["itinerary-2"]
    assert lines(state, "do") == ["accept", "price", "reserve", "hold", *recorded, *visited]
    assert result.undone == (*reversed(visited[:-1]), "reserve")


async def test_every_version_is_recorded_in_the_history(system: System) -> None:
    handle = await held(system, "charge")

    await update(handle, "revise_slip", revision(insert=(stop("wrap"),), after="charge"))
    await update(handle, "revise_slip", revision(drop=("charge",)))
    await approve(handle)
    await result_of(handle)

    revisions = [line.result for line in (await state_of(handle)).history if line.direction == "revise"]
    assert [(line["version"], line["ahead"], line["actor"]) for line in revisions] == [
        (2, ["charge", "wrap"], "ann"),
        (3, ["wrap"], "ann"),
    ]


async def test_a_slip_ended_early_keeps_its_effects(system: System) -> None:
    handle = await held(system, "charge", "ship")

    await update(handle, "revise_slip", revision(terminate=True))
    await approve(handle)

    result = await result_of(handle)
    assert result is not None
    assert (result.status, result.reason, result.undone) == ("terminated", "the customer called", ())
    slip_id = result.slip_id
    assert await receipts(system, slip_id) == {"reserve": "settled"}
    assert await system.one("select status from slips.slips where slip_id = %s", slip_id) == "terminated"


async def test_a_stop_may_end_the_slip_early(system: System) -> None:
    handle = await start(system, slip_ := slip("price", "charge", stop("fraud", over="terminate"), "ship"))

    result = await result_of(handle)

    assert result is not None
    assert (result.status, result.version) == ("terminated", 2)
    assert await receipts(system, slip_.slip_id) == {"charge": "settled"}


async def test_a_stop_that_inserts_over_the_limit_fails_and_the_slip_is_undone(system: System) -> None:
    handle = await start(system, slip_ := slip("price", "reserve", "fraud", "charge", max_hops=4))

    result = await result_of(handle)

    assert result is not None
    assert (result.status, result.failed_step, result.undone) == ("compensated", "fraud", ("reserve",))
    assert "has 5 stops, over its limit of 4" in (result.reason or "")
    assert await receipts(system, slip_.slip_id) == {"reserve": "undone"}


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "unknown activity": ({"insert": (stop("wrap").model_copy(update={"activity": "dance"}),)}, "dance is not one of"),
    "over the limit": ({"insert": tuple(stop(f"wrap-{n}") for n in range(9))}, "over its limit of 10"),
    "bad argument": ({"insert": (stop("wrap", paper=7),)}, "paper"),
    "visited again": ({"insert": (stop("reserve"),)}, "reserve is taken"),
    "not ahead": ({"drop": ("reserve",)}, "reserve is not ahead"),
    "nowhere": ({"insert": (stop("wrap"),), "before": "reserve"}, "reserve is not ahead"),
    "after the pivot": ({"insert": (stop("wrap"),), "after": "ship"}, "compensatable step can't come after the pivot"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_bad_revision_is_refused_and_changes_nothing(system: System, name: str) -> None:
    how, why = REFUSED[name]
    handle = await held(system, "charge", "ship", max_hops=10)

    assert why in await refused(handle, "revise_slip", revision(**how))

    state = await state_of(handle)
    assert (state.data["version"], state.data["ahead"]) == (1, ["charge", "ship"])
    await handle.cancel()
    await until(handle, lambda state: state.status.final)


async def test_an_answer_that_is_still_needed_cannot_be_dropped(system: System) -> None:
    handle = await start(system, slip("hold", "price", "charge"))
    await waiting(handle)

    assert "no stop price comes before it" in await refused(handle, "revise_slip", revision(drop=("price",)))

    await approve(handle)
    await result_of(handle)


async def test_a_revision_of_an_older_version_is_refused(system: System) -> None:
    handle = await held(system, "charge", "wrap")
    await update(handle, "revise_slip", revision(drop=("wrap",), version=1))

    assert "at version 2" in await refused(handle, "revise_slip", revision(drop=("charge",), version=1))

    await approve(handle)
    result = await result_of(handle)
    assert result is not None
    assert "charge" in result.answers
