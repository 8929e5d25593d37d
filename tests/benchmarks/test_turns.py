"""A turn of ours and of the floor for real: the servers of a stage, a few orders, and books that must balance."""

import pytest

from benchmarks.contestants.contestant import Contestant
from benchmarks.contestants.field import EXPRESS, FLOOR_LOCAL
from benchmarks.measuring import stage
from benchmarks.measuring.driver import RunFailed
from benchmarks.measuring.turns import CROWD, Turn, TurnPlan

SHORT = TurnPlan(rounds=1, alone=0.5, load=0.5, undo=0.5, warm=0.3, crash=True)

pytestmark = [pytest.mark.server, pytest.mark.faults]


async def turn_of(one: Contestant, opened: stage.BenchStage) -> Turn:
    await one.prepare(opened)
    turn = Turn(one, 1, SHORT)
    await turn.measure(opened)
    return turn


async def test_a_turn_measures_all_that_the_plan_asks_and_the_database_holds_each_order_once() -> None:
    async with stage.opened() as opened:
        ours, floor = await turn_of(EXPRESS, opened), await turn_of(FLOOR_LOCAL, opened)

        EXPRESS.check(opened, ours.completed)
        with pytest.raises(RunFailed, match="its database contains"):
            EXPRESS.check(opened, ours.completed + 1)

    assert {"alone", "load", "undo", "crash"} <= ours.taken.keys()
    assert {"alone", "load"} == {"alone", "load", "undo", "crash"} & floor.taken.keys()
    assert all(used > 0 for used in ours.taken["load"]["cpu"].values())
    assert 0 < ours.taken["crash"]["in_flight"] <= CROWD
