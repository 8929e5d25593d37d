"""The stops of a lost slip: what its body, its revisions, its histories and its receipts say together."""

from datetime import UTC, datetime

from activities.lost_slips import planned_stops, stops_of
from models.recovery import EffectReceipt
from models.slips.slip import RoutingSlip, Stop


def stop(name: str, activity: str = "wrap_gift") -> Stop:
    return Stop(name=name, activity=activity)


def names(*revisions: tuple[Stop, ...], receipts: tuple[str, ...] = ()) -> list[str]:
    slip = RoutingSlip(slip_id="s-1", itinerary=(stop("first"), stop("last")))
    at = datetime(2026, 1, 1, tzinfo=UTC)
    written = [("wrap_gift", EffectReceipt(step=name, status="done", at=at)) for name in receipts]
    return [each.name for each in stops_of([], planned_stops(slip, revisions), written)]


def test_without_a_history_the_stops_stand_as_in_the_itinerary() -> None:
    assert names() == ["first", "last"]


def test_a_stop_that_a_recorded_revision_inserted_stands_in_front_of_its_follower() -> None:
    assert names((stop("second"), stop("third"), stop("last"), stop("end"))) == [
        "first",
        "second",
        "third",
        "last",
        "end",
    ]
    assert names((stop("second"), stop("last")), (stop("third"), stop("last"))) == ["first", "second", "third", "last"]


def test_a_stop_that_only_a_receipt_names_stands_behind_the_receipt_before_it() -> None:
    assert names(receipts=("first", "unknown")) == ["first", "unknown", "last"]


def test_the_activity_of_a_replaced_stop_is_the_newer_one() -> None:
    slip = RoutingSlip(slip_id="s-1", itinerary=(stop("pay"),))
    (found,) = planned_stops(slip, [[stop("pay", "charge_payment")]])
    assert found.activity == "charge_payment"
