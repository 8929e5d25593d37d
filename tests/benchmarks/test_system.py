"""The benchmarks in which workers come and go: for real, with few orders and short stretches."""

import pytest
from temporalio.worker import PollerBehaviorAutoscaling, PollerBehaviorSimpleMaximum

from benchmarks import backlog, sizes, soak
from benchmarks.contestants.on_temporal import Ours
from benchmarks.contestants.worker_with import changed
from benchmarks.measuring.driver import RunFailed
from benchmarks.measuring.system import BenchSystem, held

pytestmark = pytest.mark.timeout(240)
EXPRESS = {"express": True}


@pytest.mark.server
@pytest.mark.faults
async def test_workers_come_and_go_and_the_database_holds_each_order_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One system for all three, which takes the longest to build."""
    async with held(Ours("tried", "tried"), EXPRESS) as system:
        await assert_a_backlog_is_drained(system)
        await assert_a_soak_counts(system)
        for name, short in {"ALONE": 0.5, "LOAD": 1.0, "WARM": 0.5}.items():
            monkeypatch.setattr(sizes, name, short)
        await assert_a_choice_is_measured(system)
        system.check()
        system.completed += 1
        with pytest.raises(RunFailed, match="its database contains"):
            system.check()

        system.start_worker(["-c", "raise SystemExit('it can not')"])
        with pytest.raises(RunFailed, match="it can not"):
            await system.run("dead", "ok", 1, 0, 1.0)


async def assert_a_backlog_is_drained(system: BenchSystem) -> None:
    found = await backlog.measure(system, 60, 60, EXPRESS)

    rows = found["drained"]
    assert 1 <= len(rows) <= 10
    assert rows[-1]["drained"] == 60
    assert all(row["per_second"] > 0 and row["memory"]["worker"] > 20 for row in rows)
    assert backlog.as_text(found).count("\n| ") == 2 + len(rows)


async def assert_a_soak_counts(system: BenchSystem) -> None:
    rows = await soak.measure(system, 5.0, 3)

    assert [row["part"] for row in rows] == list(range(1, 11))
    assert all(row["completed"] > 0 and row["undone"] > 0 for row in rows)
    assert soak.as_text(rows, 5.0).count("\n| ") == 11


async def assert_a_choice_is_measured(system: BenchSystem) -> None:
    choice = {"pollers": "autoscaling", "worker": {"max_cached_workflows": 50}, "collector": [20_000, 20, 20]}
    turns = {sizes.BASE: [await sizes.take_turn(system, {}, 1, "a")]}
    turns["a choice"] = [await sizes.take_turn(system, choice, 1, "b")]

    assert all(turn["alone"]["orders"] and turn["load"]["orders"] for taken in turns.values() for turn in taken)
    assert sizes.as_text(turns).count("\n| ") == 3


def test_a_choice_changes_only_what_it_names() -> None:
    config = {"task_queue": "orders", "max_cached_workflows": 1000}

    assert changed(config, {"settings": {"database_pool": 5}, "collector": [1, 2, 3]}) == config
    assert changed(config, {"worker": {"max_cached_workflows": 50}})["max_cached_workflows"] == 50
    ten, scaled = changed(config, {"pollers": 10}), changed(config, {"pollers": "autoscaling"})
    assert ten["workflow_task_poller_behavior"] == PollerBehaviorSimpleMaximum(10)
    assert scaled["activity_task_poller_behavior"] == PollerBehaviorAutoscaling()
