"""The stops of a lost slip that may have begun: from its body and recorded revisions, from histories and receipts.

A revision is recorded before its first stop with an effect begins, so that also a stop is known whose history Temporal
has deleted and whose receipt is still to come. The workflow asks the services for the receipts.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from activities.last_run import Begun
from models.money import Money
from models.recovery import EffectReceipt, LostStop
from models.slips.references import reference
from models.slips.slip import CURRENCY, RoutingSlip, Stop

# The activities with an effect, which leave a receipt.
EFFECTS = frozenset({"reserve_inventory", CHARGE := "charge_payment", "wrap_gift", "create_shipment"})
# A receipt with one of these statuses says that the effect is in force.
IN_FORCE = frozenset({"done", "settled"})
CLOSE, SETTLE = "close_slip", "settle_"
SETTLES: tuple[Literal["completed", "terminated"], ...] = ("completed", "terminated")


def begun_stops(begun: Iterable[Begun]) -> tuple[LostStop, ...]:
    """Return the stops with an effect that the histories name, in order of start; of each, its last request counts."""
    found: dict[str, LostStop] = {}
    for each in begun:
        if each.activity in EFFECTS:
            found[each.step] = LostStop(name=each.step, activity=each.activity, at_risk=_amount(each.request))
    return tuple(found.values())


def planned_stops(slip: RoutingSlip, revisions: Sequence[Sequence[Stop]]) -> tuple[LostStop, ...]:
    """Return the stops with an effect of the itinerary; `revisions`: the stops ahead after each recorded revision."""
    activities = {stop.name: stop.activity for stops in (slip.itinerary, *revisions) for stop in stops}
    names = [name for name in _planned(slip, revisions) if activities[name] in EFFECTS]
    return tuple(LostStop(name=name, activity=activities[name]) for name in names)


def asked_for(slip: RoutingSlip, revisions: Sequence[Sequence[Stop]], begun: Sequence[LostStop]) -> tuple[str, ...]:
    """Return the activities whose receipts a recovery needs: no service takes a stop that was not accepted for it."""
    accepted = {stop.activity for stops in (slip.itinerary, *revisions) for stop in stops}
    return tuple(sorted((accepted | {stop.activity for stop in begun}) & EFFECTS))


def stops_of(
    begun: Sequence[LostStop], planned: Sequence[LostStop], receipts: Sequence[tuple[str, EffectReceipt]]
) -> tuple[LostStop, ...]:
    """Return the stops that may have begun, in order of start; `receipts`: (activity, receipt), oldest first.

    The begun ones come first, in their order. The others stand where the itinerary has them, or at the end: an undo by
    key of a stop that never began has no effect.
    """
    # A begun stop or a receipt is newer than the itinerary, in which a revision may have replaced the stop.
    activities = {stop.name: stop.activity for stop in (*planned, *begun)}
    activities |= {receipt.step: activity for activity, receipt in receipts}
    order = dict.fromkeys(stop.name for stop in begun)
    order |= dict.fromkeys(_placed([stop.name for stop in planned], [receipt.step for _, receipt in receipts]))
    written = {receipt.step: receipt for _, receipt in receipts}
    amounts = {stop.name: stop.at_risk for stop in begun}
    return tuple(_stop(name, activities[name], written.get(name), amounts.get(name, 0)) for name in order)


def charges_of(slip: RoutingSlip, revisions: Sequence[Sequence[Stop]]) -> Money | None:
    """Return the sum of the amounts that the stops charge, as far as the slip itself says them; None without any."""
    stops = {stop.name: stop for stops in (slip.itinerary, *revisions) for stop in stops}
    amounts = [_amount(_filled(stop, slip)) for stop in stops.values() if stop.activity == CHARGE]
    return Money(amount=sum(amounts), currency=CURRENCY) if any(amounts) else None


def _filled(stop: Stop, slip: RoutingSlip) -> dict[str, Any]:
    """Return the amount among a stop's arguments, which may be a variable of the slip."""
    amount = stop.arguments.get("amount")
    return {"amount": slip.variables.get(reference(amount), amount)}


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
