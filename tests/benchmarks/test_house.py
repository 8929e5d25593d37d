"""The benchmarks in which workers come and go: for real, with few orders and short stretches."""

import pytest
from temporalio.worker import PollerBehaviorAutoscaling, PollerBehaviorSimpleMaximum

from benchmarks import backlog, sizes, soak, stage
from benchmarks.house import held
from benchmarks.worker_with import changed

EXPRESS = {"express": True}


@pytest.mark.server
@pytest.mark.faults
async def test_a_backlog_is_drained_and_each_of_its_parts_is_measured() -> None:
    found = await backlog.measure(60, 60, EXPRESS)

    rows = found["drained"]
    assert 1 <= len(rows) <= 10
    assert rows[-1]["drained"] == 60
    assert all(row["per_second"] > 0 and row["memory"]["worker"] > 20 for row in rows)
    assert backlog.told(found).count("\n| ") == 2 + len(rows)


@pytest.mark.server
@pytest.mark.faults
async def test_a_soak_counts_what_was_completed_and_undone_in_each_part() -> None:
    rows = await soak.measure(5.0, 3, EXPRESS)

    assert [row["part"] for row in rows] == list(range(1, 11))
    assert all(row["completed"] > 0 and row["undone"] > 0 for row in rows)
    assert soak.told(rows, 5.0).count("\n| ") == 11


@pytest.mark.server
@pytest.mark.faults
async def test_a_choice_is_measured_alone_and_under_load(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, short in {"ALONE": 0.5, "LOAD": 1.0, "WARM": 0.5}.items():
        monkeypatch.setattr(sizes, name, short)
    choice = {"pollers": "autoscaling", "worker": {"max_cached_workflows": 50}, "collector": [20_000, 20, 20]}
    async with stage.opened() as opened, held(opened, sizes.OURS, EXPRESS) as house:
        turns = {sizes.BASE: [await sizes.take_turn(house, {}, 1, "a")]}
        turns["a choice"] = [await sizes.take_turn(house, choice, 1, "b")]

    assert all(turn["alone"]["orders"] and turn["load"]["orders"] for taken in turns.values() for turn in taken)
    assert sizes.told(turns).count("\n| ") == 3


def test_a_choice_changes_only_what_it_names() -> None:
    config = {"task_queue": "orders", "max_cached_workflows": 1000}

    assert changed(config, {"settings": {"database_pool": 5}, "collector": [1, 2, 3]}) == config
    assert changed(config, {"worker": {"max_cached_workflows": 50}})["max_cached_workflows"] == 50
    ten, scaled = changed(config, {"pollers": 10}), changed(config, {"pollers": "autoscaling"})
    assert ten["workflow_task_poller_behavior"] == PollerBehaviorSimpleMaximum(10)
    assert scaled["activity_task_poller_behavior"] == PollerBehaviorAutoscaling()
