"""The stops of a lost slip that may have begun: from its body and recorded revisions, from histories and receipts.

A revision is recorded before its first stop with an effect begins, so that also a stop is known whose history Temporal
has deleted and whose receipt is still to come.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from activities.last_run import Begun
from models.recovery import EffectReceipt, LostStop
from models.slips.slip import RoutingSlip, Stop

# A receipt with one of these statuses says that the effect is in force.
IN_FORCE = frozenset({"done", "settled"})
CLOSE, SETTLE = "close_slip", "settle_"
SETTLES: tuple[Literal["completed", "terminated"], ...] = ("completed", "terminated")


def stops_of(
    slip: RoutingSlip,
    revisions: Sequence[Sequence[Stop]],
    begun: Sequence[Begun],
    receipts: Sequence[tuple[str, EffectReceipt]],
) -> tuple[LostStop, ...]:
    """Return the stops in order of start.

    `revisions`: the stops ahead after each recorded revision; `receipts`: (activity, receipt), oldest first.

    The begun ones come first, in their order. The others stand where the itinerary has them, or at the end: an undo by
    key of a stop that never began has no effect.
    """
    activities = {stop.name: stop.activity for stops in (slip.itinerary, *revisions) for stop in stops}
    effects = {activity for activity, _ in receipts} | set(activities.values())
    started = [each for each in begun if each.activity in effects]
    # A begun stop or a receipt is newer than the itinerary, in which a revision may have replaced the stop.
    activities |= {each.step: each.activity for each in started}
    activities |= {receipt.step: activity for activity, receipt in receipts}
    order = dict.fromkeys(each.step for each in started)
    order |= dict.fromkeys(_placed(_planned(slip, revisions), [receipt.step for _, receipt in receipts]))
    written = {receipt.step: receipt for _, receipt in receipts}
    amounts = {each.step: _amount(each.request) for each in started}
    return tuple(_stop(name, activities[name], written.get(name), amounts.get(name, 0)) for name in order)


def _planned(slip: RoutingSlip, revisions: Sequence[Sequence[Stop]]) -> list[str]:
    """Return the names of the itinerary, with each inserted stop in front of the one that followed it."""
    planned = [stop.name for stop in slip.itinerary]
    for ahead in revisions:
        place = len(planned)
        for stop in reversed(ahead):
            if stop.name not in planned:
                planned.insert(place, stop.name)
            place = planned.index(stop.name)
    return planned


def _placed(planned: list[str], recorded: list[str]) -> list[str]:
    """Return the planned stops, with each one that only a receipt names behind the receipt before it."""
    placed, before = list(planned), ""
    for name in recorded:
        if name not in placed:
            placed.insert(placed.index(before) + 1 if before else 0, name)
        before = name
    return placed


def _stop(name: str, activity: str, receipt: EffectReceipt | None, asked: int) -> LostStop:
    amount = receipt.amount.amount if receipt and receipt.amount else asked
    return LostStop(name=name, activity=activity, done=bool(receipt and receipt.status in IN_FORCE), at_risk=amount)


def _amount(request: dict[str, Any]) -> int:
    amount = request.get("amount")
    found = amount.get("amount") if isinstance(amount, dict) else 0
    return found if isinstance(found, int) else 0


def settling(begun: Iterable[Begun], ended_early: str | None) -> tuple[Literal["completed", "terminated"] | None, str]:
    """Return the outcome with which a run was settling its stops, and its reason; None if it was not that far."""
    settles = False
    for each in begun:
        settles |= each.activity.startswith(SETTLE)
        for outcome in SETTLES:
            if each.activity == CLOSE and each.request.get("outcome") == outcome:
                return outcome, str(each.request.get("reason", ""))
    if not settles:
        return None, ""
    return ("completed", "") if ended_early is None else ("terminated", ended_early)
