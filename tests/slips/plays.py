"""The slips whose histories are kept for replay."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from temporalio.client import WorkflowHandle

from models.slips.slip import CancelSlip, Review
from tests.slips.conftest import result_of, revision, start, update, waiting
from tests.slips.slips import SHIP_TO, shipped, slip, stop
from tests.systems import System

Play = Callable[[System], Awaitable[WorkflowHandle[Any, Any]]]


def ending(name: str, **variables: Any) -> Play:
    """Return the play of a shipped itinerary that ends by itself."""

    async def play(system: System) -> WorkflowHandle[Any, Any]:
        handle = await start(system, shipped(name, **variables))
        await result_of(handle)
        return handle

    return play


async def pre_order(system: System) -> WorkflowHandle[Any, Any]:
    """A pre-order that waits for its release."""
    soon = datetime.now(UTC) + timedelta(seconds=3)
    return await ending("pre-order", released=soon.isoformat())(system)


def reviewed(verdict: Literal["approve", "reject"]) -> Play:
    """Return the play of a slip that a person reviews."""

    async def play(system: System) -> WorkflowHandle[Any, Any]:
        handle = await start(system, shipped("fraud-check"))
        await waiting(handle)
        await update(handle, "review", Review(stop="fraud-review", verdict=verdict, actor="ann", reason="looked"))
        await result_of(handle)
        return handle

    return play


def changed(**how: Any) -> Play:
    """Return the play of a slip that a person revises while it waits."""

    async def play(system: System) -> WorkflowHandle[Any, Any]:
        handle = await start(system, slip("price", "reserve", "hold", "charge", "ship", postcode="00000"))
        await waiting(handle)
        await update(handle, "revise_slip", revision(**how))
        await update(handle, "review", Review(stop="hold", verdict="approve", actor="ann", reason="go on"))
        await result_of(handle)
        return handle

    return play


async def cancelled(system: System) -> WorkflowHandle[Any, Any]:
    """A slip that is cancelled by update while it waits."""
    handle = await start(system, slip("price", "reserve", "charge", "hold"))
    await waiting(handle)
    await update(handle, "cancel_slip", CancelSlip(reason="changed my mind", actor="c-7"))
    await result_of(handle)
    return handle


PLAYS: dict[str, Play] = {
    "slip-digital-goods": ending("digital-goods"),
    "slip-pre-order": pre_order,
    "slip-gift": ending("gift"),
    "slip-gift-refused": ending("gift", ship_to=SHIP_TO | {"postcode": "00000"}),
    "slip-fraud-check": reviewed("approve"),
    "slip-fraud-rejected": reviewed("reject"),
    "slip-revised": changed(insert=(stop("wrap"),), before="ship"),
    "slip-terminated": changed(terminate=True),
    "slip-cancelled": cancelled,
}
