"""The story of an order tells everything that was written down of it, in its order."""

from tests.faults.evidence.timeline import timeline
from tests.faults.good.history import good


def test_the_story_of_a_lost_parcel() -> None:
    told = timeline(good(), "o-lost").splitlines()

    assert told[0] == "o-lost: orchestrated, compensated"
    sources = [line.split()[1] for line in told[1:]]
    assert set(sources) >= {"asked", "orders", "temporal", "saga", "provider", "carrier", "ledger", "parcels", "FAULT"}
    times = [float(line.split()[0]) for line in told[1:]]
    assert times == sorted(times)
    assert times[0] == 0


def test_what_happened_stands_in_its_order() -> None:
    told = timeline(good(), "o-lost")

    in_order = [
        "place body of o-lost: ok",
        "charge o-lost:charge: taken",
        "do ship ends: unknown, attempt 1: Timeout: no answer in time",
        "cancel o-lost:ship: taken_back",
        "refund o-lost:charge: taken_back",
        "closed: compensated",
        "OrderWorkflow ends: failed, compensated OrderCompensated",
        "lost answer create_shipment",
    ]
    places = [told.index(what) for what in in_order]
    assert places == sorted(places)


def test_a_choreographed_order_tells_its_events_and_its_dead_letter() -> None:
    told = timeline(good(), "c-dead")

    assert "PaymentCharged (event 3) committed, because of StockReserved (event 2)" in told
    assert "StockReserved (event 2) consumed by payments" in told
    assert "deliveries c-dead 3:shipping: KeyReused: other, 8 attempts; open at the end" in told


def test_what_waited_tells_the_alert_and_the_decision() -> None:
    told = timeline(good(), "o-waived")

    assert "undo charge is parked: Unavailable: no answer, 4970 at risk" in told
    assert "resolve charge: waive, {'actor': 'ann', 'reason': 'looked into it'}" in told


def test_of_an_unknown_order_nothing_is_known() -> None:
    assert timeline(good(), "o-nobody") == "o-nobody: no evidence"
