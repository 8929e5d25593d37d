"""The timeline of an order contains every record of the order, sorted by time."""

from tests.faults.evidence.timeline import timeline
from tests.faults.good.history import good


def test_the_timeline_of_a_lost_parcel_is_sorted_and_complete() -> None:
    text = timeline(good(), "o-lost").splitlines()

    assert text[0] == "o-lost: orchestrated, compensated"
    sources = [line.split()[1] for line in text[1:]]
    assert set(sources) >= {"asked", "orders", "temporal", "saga", "provider", "carrier", "ledger", "parcels", "FAULT"}
    times = [float(line.split()[0]) for line in text[1:]]
    assert times == sorted(times)
    assert times[0] == 0


def test_events_are_listed_in_the_order_in_which_they_happened() -> None:
    text = timeline(good(), "o-lost")

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
    places = [text.index(what) for what in in_order]
    assert places == sorted(places)


def test_the_timeline_of_a_choreographed_order_has_its_events_and_its_dead_letter() -> None:
    text = timeline(good(), "c-dead")

    assert "PaymentCharged (c-dead 3) committed by payments, because of StockReserved (c-dead 2)" in text
    assert "StockReserved (c-dead 2) consumed by payments" in text
    assert "deliveries c-dead 3:shipping: KeyReused: other, 8 attempts; open at the end" in text


def test_the_timeline_of_a_parked_effect_has_its_alert_and_the_decision() -> None:
    text = timeline(good(), "o-waived")

    assert "undo charge is parked: Unavailable: no answer, 4970 at risk" in text
    assert "resolve charge: waive, {'actor': 'ann', 'reason': 'looked into it'}" in text


def test_the_timeline_of_an_unknown_order_is_empty() -> None:
    assert timeline(good(), "o-missing") == "o-missing: no evidence of this order"
