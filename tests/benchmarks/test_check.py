"""The regression guard's judgement, and what it compares with."""

import json
from typing import Any

import pytest

from benchmarks import check


def turns(rate: float, cpu: float) -> check.Turns:
    def taken(name: str, number: int, rate: float, cpu: float) -> dict[str, Any]:
        return {"name": name, "round": number, "load": {"per_second": rate, "cpu": {"server": cpu}}}

    return {
        one.name: [taken(one.name, number, rate if one.saga else 50.0, cpu if one.saga else 20.0) for number in (1, 2)]
        for one in check.EVERYONE
    }


STORED = check.ratios(turns(40.0, 30.0))


def test_the_same_is_no_loss() -> None:
    assert [result.loss for result in check.results_of(STORED, STORED)] == [0.0] * 4


@pytest.mark.parametrize(
    ("rate", "cpu", "failed"),
    [
        (40.0, 30.0, []),
        (60.0, 20.0, []),
        (35.0, 30.0, []),
        (33.0, 30.0, ["throughput"]),
        (40.0, 34.0, []),
        (40.0, 35.0, ["cpu"]),
        (20.0, 60.0, ["cpu", "throughput"]),
    ],
)
def test_a_loss_of_more_than_fifteen_percent_is_too_much(rate: float, cpu: float, failed: list[str]) -> None:
    results = check.results_of(check.ratios(turns(rate, cpu)), STORED)

    assert sorted({result.name.split()[-1] for result in results if result.too_much}) == failed
    assert check.lost(turns(rate, cpu), STORED) is bool(failed)


def test_what_is_too_much_is_said() -> None:
    said = check.as_text(check.results_of(check.ratios(turns(20.0, 30.0)), STORED), 5)

    assert said.count("too much") == 2
    assert "50.0%" in said


def test_on_a_busy_machine_throughput_is_shown_and_cpu_is_checked() -> None:
    slower, dearer = check.ratios(turns(20.0, 30.0)), check.ratios(turns(40.0, 60.0))

    shown = check.results_of(slower, STORED, others=1.5)
    assert [result.too_much for result in shown] == [False] * 4
    assert check.as_text(shown, 5, 1.5).count("not checked") == 3
    assert "1.5 cores" in check.as_text(shown, 5, 1.5)
    assert sum(result.too_much for result in check.results_of(dearer, STORED, others=1.5)) == 2


def test_the_stored_ratios_are_of_what_is_measured() -> None:
    stored = json.loads(check.STORED.read_text())

    assert stored.keys() == STORED.keys()
    assert all(was.keys() == check.FIGURES.keys() for was in stored.values())
    assert all(value > 0 for was in stored.values() for value in was.values())
