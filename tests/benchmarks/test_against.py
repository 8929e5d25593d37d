"""The comparison with an earlier commit: both sides run, and a ratio is that of one round."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import against
from benchmarks.measuring.driver import RunFailed
from runtime.settings import PROJECT


@pytest.mark.server
@pytest.mark.faults
async def test_both_sides_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(against, "WARM_UP", 1)

    turns = await against.compare(PROJECT, "ours-express", 2, 6)

    assert [turn["round"] for side in ("earlier", "now") for turn in turns[side]] == [1, 2, 1, 2]
    assert all(turn["load"]["orders"] == 6 for side in turns.values() for turn in side)
    assert against.as_text(turns).count("\n| ") == 4


async def test_a_side_that_can_not_start_makes_the_run_void(tmp_path: Path) -> None:
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)

    with pytest.raises(RunFailed, match="benchmarks"):
        await against.compare(tmp_path, "ours-express", 2, 6)


def test_a_ratio_is_the_median_of_the_ratios_within_a_round() -> None:
    def turns(*cpu: float) -> list[dict[str, object]]:
        loads = [{"cpu": {"server": ms / 2, "worker": ms / 2}, "per_second": 10.0, "p50": 5.0} for ms in cpu]
        return [{"round": number, "load": load} for number, load in enumerate(loads)]

    text = against.as_text({"earlier": turns(10, 100, 30), "now": turns(11, 90, 33)})

    assert "| ms of CPU | 30.0 | 33.0 | 1.10 | 0.90 to 1.10 |" in text


@pytest.mark.parametrize(
    ("arguments", "problem"), [(["/nowhere"], "checkout: /nowhere"), ([".", "--rounds", "1"], "--rounds")]
)
def test_wrong_arguments_are_named(arguments: list[str], problem: str) -> None:
    command = [sys.executable, "-m", "benchmarks.against", *arguments]
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)

    assert (ended.returncode, problem in ended.stderr, "Traceback" in ended.stderr) == (2, True, False)
