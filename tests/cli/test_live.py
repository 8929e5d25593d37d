"""Notes while nothing answers are sparse: after some seconds, then each after twice the time, up to a limit."""

import asyncio
import time
from itertools import pairwise

import pytest

from cli import live
from cli.live import FIRST_NOTE, LONGEST_SILENCE, Silence, noted
from cli.output import Output


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def notes(clock: list[float], capsys: pytest.CaptureFixture[str], answers: set[int], until: int) -> list[int]:
    """Return the seconds with a note, when it is asked each second."""
    silence, found = Silence(Output(), "no answer"), []
    for second in range(until):
        clock[0] = float(second)
        silence.heard(answer=second in answers)
        if capsys.readouterr().err:
            found.append(second)
    return found


def test_the_notes_become_sparse(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    found = notes(clock, capsys, set(), until=300)

    assert found[:4] == [5, 15, 35, 75]
    assert FIRST_NOTE == 5
    assert {later - earlier for earlier, later in pairwise(found[3:])} == {LONGEST_SILENCE}


def test_an_answer_starts_the_time_again(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    assert notes(clock, capsys, {4, 8, 12}, until=20) == [17]


async def test_a_block_that_takes_long_is_noted_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "FIRST_NOTE", 0.05)

    for seconds in (0.0, 0.2):
        with noted(Output(), "no answer yet"):
            await asyncio.sleep(seconds)
        assert capsys.readouterr().err.count("no answer yet") == int(seconds > 0)
