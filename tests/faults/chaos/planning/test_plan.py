"""The plan of a run: equal seeds give equal plans, which have every kind of order and fault."""

from collections import Counter
from itertools import pairwise

import pytest

from tests.faults.chaos.planning.faults import FAULTS, OUTAGES, WORKERS
from tests.faults.chaos.planning.kinds import KINDS
from tests.faults.chaos.planning.plan import TAIL_ORDERS, plan

LENGTHS = [60, 300, 1800]


@pytest.mark.parametrize("seconds", LENGTHS)
def test_equal_seeds_give_equal_plans_and_different_seeds_different_ones(seconds: int) -> None:
    assert plan(7, seconds) == plan(7, seconds)
    assert plan(7, seconds) != plan(8, seconds)


@pytest.mark.parametrize("seconds", LENGTHS)
@pytest.mark.parametrize("seed", range(5))
def test_a_plan_has_every_kind_of_order_and_of_fault(seed: int, seconds: int) -> None:
    made = plan(seed, seconds)
    assert {order.kind for order in made.orders} == set(KINDS)
    assert {fault.kind for fault in made.faults} == set(FAULTS)
    assert {order.choreographed for order in made.orders} == {True, False}


@pytest.mark.parametrize("seconds", LENGTHS)
def test_a_plan_keeps_to_its_phases(seconds: int) -> None:
    made = plan(3, seconds)
    assert all(a.at <= b.at for a, b in pairwise(made.orders))
    assert all(a.at <= b.at for a, b in pairwise(made.faults))
    assert all(made.warm_up <= fault.at <= made.heals_at for fault in made.faults)
    assert {fault.worker for fault in made.faults} == set(range(len(WORKERS)))
    tail = [order for order in made.orders if order.calm]
    assert all(order.calm == (order.at >= made.heals_at) for order in made.orders)
    assert len(tail) >= TAIL_ORDERS - 1
    assert all(order.patient and order.kind in {"fine", "repeated", "flaky"} for order in tail)
    assert made.orders[-1].at < seconds


def test_an_outage_lasts_up_to_a_minute_and_leaves_most_of_a_run_to_the_orders() -> None:
    longest = {}
    for seconds in LENGTHS:
        outages = [fault.seconds for fault in plan(3, seconds).faults if fault.kind in OUTAGES]
        longest[seconds] = max(outages)
        assert sum(outages) < seconds / 3
    assert longest[60] <= 60 / 6
    assert 45 < longest[1800] <= 60


def test_a_plan_has_routing_slips() -> None:
    made = plan(3, 1800)
    assert len(made.slips) >= 100
    assert {len(planned.slip.itinerary) for planned in made.slips} == {3, 5}


def test_slow_orders_come_early() -> None:
    made = plan(3, 60)
    assert all(order.at < 0.5 * made.heals_at for order in made.orders if KINDS[order.kind].slow)


def test_half_an_hour_has_enough_orders_and_faults() -> None:
    made = plan(1, 1800)
    assert len(made.orders) >= 2400
    assert len(made.faults) >= 550
    shares = Counter(order.kind for order in made.orders)
    assert all(count >= 20 for count in shares.values())


def test_order_ids_are_unique() -> None:
    made = plan(3, 60)
    assert len({order.order.order_id for order in made.orders}) == len(made.orders)
