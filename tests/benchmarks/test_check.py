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
    assert [verdict.loss for verdict in check.judged(STORED, STORED)] == [0.0] * 4


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
    verdicts = check.judged(check.ratios(turns(rate, cpu)), STORED)

    assert sorted({verdict.name.split()[-1] for verdict in verdicts if verdict.too_much}) == failed
    assert check.lost(turns(rate, cpu), STORED) is bool(failed)


def test_what_is_too_much_is_said() -> None:
    said = check.told(check.judged(check.ratios(turns(20.0, 30.0)), STORED), 5)

    assert said.count("too much") == 2
    assert "50.0%" in said


def test_on_a_busy_machine_throughput_is_shown_and_cpu_is_judged() -> None:
    slower, dearer = check.ratios(turns(20.0, 30.0)), check.ratios(turns(40.0, 60.0))

    shown = check.judged(slower, STORED, others=1.5)
    assert [verdict.too_much for verdict in shown] == [False] * 4
    assert check.told(shown, 5, 1.5).count("not judged") == 3
    assert "1.5 cores" in check.told(shown, 5, 1.5)
    assert sum(verdict.too_much for verdict in check.judged(dearer, STORED, others=1.5)) == 2


def test_the_stored_ratios_are_of_what_is_measured() -> None:
    stored = json.loads(check.STORED.read_text())

    assert stored.keys() == STORED.keys()
    assert all(was.keys() == check.FIGURES.keys() for was in stored.values())
    assert all(value > 0 for was in stored.values() for value in was.values())
