"""CPU time from /proc."""

import os
import subprocess
import sys

import pytest

from benchmarks.measuring import cpu

BURN = "import time\nwhile time.process_time() < {}: pass\n"


def test_a_line_of_proc_is_read_whatever_the_command_is_called() -> None:
    line = "42 (a (b) c) S 7 42 42 0 -1 4194304 1 2 3 4 100 20 3 4 20 0 1 0 99 1000 10"

    assert cpu.parse(line) == (7, 127)


def test_a_tree_is_counted_and_nothing_beside_it() -> None:
    processes = {1: (0, 5), 2: (1, 10), 3: (2, 20), 4: (1, 400)}

    assert cpu.seconds([2], processes) == 30 / cpu.TICKS
    assert cpu.seconds([99], processes) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="the benchmarks read /proc")
def test_a_child_that_has_ended_still_counts() -> None:
    before = cpu.by_role({"all": [os.getpid()]})["all"]

    subprocess.run([sys.executable, "-c", BURN.format(0.3)], check=True)

    assert cpu.by_role({"all": [os.getpid()]})["all"] - before >= 0.25  # ticks of 10 ms, rounded down on both sides
