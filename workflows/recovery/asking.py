"""A recovery asks the services what they know of its process, each by an activity that the service's workers serve."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from temporalio import workflow

from temporal_saga import Call, RecoveredRun
from workflows import policies

with workflow.unsafe.imports_passed_through():
    from activities.inventory import InventoryActivities
    from activities.payments import PaymentActivities
    from activities.shipping import ShippingActivities
    from activities.wrapping import WrappingActivities
    from models.activities.receipts import FindReceipts, Receipts
    from models.recovery import EffectReceipt

# The first effect of every order, whose receipt is therefore there if any is.
FIRST_OF_ORDER = "reserve_inventory"
# The activity with an effect → the service, and the activity that finds its receipts.
_ASKED: dict[str, tuple[str, Callable[..., Awaitable[Receipts]]]] = {
    FIRST_OF_ORDER: ("inventory", InventoryActivities.find_stock_receipts),
    "charge_payment": ("payments", PaymentActivities.find_payment_receipts),
    "create_shipment": ("shipping", ShippingActivities.find_shipment_receipts),
    "wrap_gift": ("wrapping", WrappingActivities.find_wrapping_receipts),
}


async def receipts(run: RecoveredRun[Any], effects: Iterable[str]) -> list[tuple[str, EffectReceipt]]:
    """Return the receipts of the services of these activities, each with its activity, oldest first.

    The services are asked side by side. Raises ActivityError as soon as one can't answer.
    """
    asked = list(effects)
    answers = await asyncio.gather(*(run.ask(*_question(effect)) for effect in asked))
    found = [(effect, each) for effect, answer in zip(asked, answers, strict=True) for each in answer.receipts]
    return sorted(found, key=lambda each: each[1].at)


def _question(effect: str) -> tuple[str, Call[Any, Receipts]]:
    service, activity = _ASKED[effect]
    question: Call[Any, Receipts] = Call(
        activity,
        lambda run, _key: FindReceipts(order_id=run.process),
        lambda _: f"what does {service} know of it?",
        policies.ASK,
    )
    return service, question


def starts_as_new(run: RecoveredRun[Any], until: float) -> bool:
    """Return whether a process that no service knows may start as if it were new: `until` is not over.

    Not after a cancel. Not while an update is being handled either: its caller would get no answer, and the next run
    doesn't know it, so the process is recovered.
    """
    return workflow.time() <= until and run.stopped is None and workflow.all_handlers_finished()
