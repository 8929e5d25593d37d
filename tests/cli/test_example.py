"""The example program, as a separate process on the running system."""

import subprocess
import sys
from uuid import uuid4

import pytest

from tests.cli.conftest import PROJECT
from tests.systems import Environment

pytestmark = pytest.mark.server


def run_example(environment: Environment, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "examples.place_an_order", *arguments]
    return subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def new_id() -> str:
    return f"shop-{uuid4().hex[:12]}"


def test_the_example_buys_and_cancels_once(system: Environment) -> None:
    order_id = new_id()

    first = run_example(system, order_id)
    again = run_example(system, order_id)

    assert (first.returncode, first.stderr) == (0, "")
    bought, cancelled = first.stdout.splitlines()
    assert bought.startswith(f"order {order_id}: completed, total ")
    assert cancelled.startswith(f"order {order_id}-2: cancelled, total ")
    assert (again.returncode, again.stdout, again.stderr) == (0, first.stdout, "")


def test_the_example_reports_a_rejected_order(system: Environment) -> None:
    ran = run_example(system, new_id(), "SKU-UNKNOWN")

    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith("rejected: ")


def test_the_example_reports_an_id_that_another_order_has(system: Environment) -> None:
    order_id = new_id()
    run_example(system, order_id)

    ran = run_example(system, order_id, "SKU-2")

    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith("conflict: ")


def test_the_example_reports_an_unreachable_system(nowhere: Environment) -> None:
    ran = run_example(nowhere, new_id())

    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith("unavailable: ")
