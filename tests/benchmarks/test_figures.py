"""The arithmetic of the benchmarks."""

from typing import Any

import pytest

from benchmarks.measuring import figures


def turn(number: int, rate: float, **cpu: float) -> dict[str, Any]:
    return {"round": number, "load": {"per_second": rate, "cpu": cpu}}


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([3.0, 1.0, 2.0], 0.5, 2.0),
        ([4.0, 1.0, 3.0, 2.0], 0.5, 2.0),
        (list(map(float, range(1, 101))), 0.99, 99.0),
        (list(map(float, range(1, 101))), 1.0, 100.0),
        ([7.0], 0.99, 7.0),
    ],
)
def test_a_percentile_is_a_value_that_was_measured(values: list[float], share: float, expected: float) -> None:
    assert figures.percentile(values, share) == expected


def test_nothing_measured_is_no_figure() -> None:
    with pytest.raises(ValueError, match="no order ended"):
        figures.percentile([], 0.5)


def test_a_sample_is_per_second_and_per_order() -> None:
    sample = figures.sample([10.0, 20.0, 30.0, 40.0], 2.0, {"server": 0.1, "worker": 0.02})

    assert sample["per_second"] == 2.0
    assert sample["p50"] == 20.0
    assert sample["cpu"] == {"server": 25.0, "worker": 5.0}


def test_the_cpu_of_an_order_is_the_sum_of_all_processes() -> None:
    assert figures.value(turn(1, 10.0, server=25.0, worker=5.0), "load.cpu") == 30.0
    assert figures.value(turn(1, 10.0, server=25.0, worker=5.0), "load.cpu.server") == 25.0


def test_the_way_back_is_compared_with_the_way_there() -> None:
    assert figures.value({"alone": {"p50": 20.0}, "undo": {"p50": 30.0}}, "undo_ratio") == 1.5


def test_a_figure_is_the_median_of_the_rounds_that_have_it() -> None:
    turns = [turn(1, 10.0), turn(2, 90.0), turn(3, 20.0), {"round": 4}]

    assert figures.median(turns, "load.per_second") == 20.0
    assert figures.median(turns, "undo.p50") is None


def test_a_round_in_which_all_were_slow_does_not_move_a_ratio() -> None:
    ours, base = [turn(1, 20.0), turn(2, 2.0), turn(3, 22.0)], [turn(1, 10.0), turn(2, 1.0), turn(3, 11.0)]

    assert figures.ratio(ours, base, "load.per_second") == 2.0


def test_only_rounds_that_both_were_in_are_compared() -> None:
    assert figures.ratio([turn(1, 20.0), turn(2, 100.0)], [turn(1, 10.0)], "load.per_second") == 2.0
    assert figures.ratio([turn(1, 20.0)], [turn(2, 10.0)], "load.per_second") is None
