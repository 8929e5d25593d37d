"""The example program and the README's blocks, as separate processes on the running system."""

import subprocess
import sys
from pathlib import Path
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


README = (PROJECT / "README.md").read_text()


def block(heading: str, language: str) -> str:
    """Return the first code block of a language under a heading of the README."""
    return README.split(f"## {heading}\n")[1].split(f"```{language}\n")[1].split("```")[0]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the project's files, where a block may write others, and whose .venv is this Python's."""
    for path in PROJECT.iterdir():
        if path.name not in {".venv", ".data"}:
            (tmp_path / path.name).symlink_to(path)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "activate").write_text(f"PATH={Path(sys.executable).parent}:$PATH\n")
    return tmp_path


def test_the_blocks_of_the_readme_run_as_they_stand(system: Environment, checkout: Path) -> None:
    def run(*command: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command, cwd=checkout, env=system, capture_output=True, text=True, timeout=90, check=False
        )

    shell = run("bash", "-euc", block("Usage", "bash"))
    (checkout / "program.py").write_text(block("From Python", "python"))
    python = run(sys.executable, "program.py")

    assert shell.returncode == 0, shell.stderr
    assert "order o-1001 completed" in shell.stdout
    assert "create_shipment" in shell.stdout
    assert (python.returncode, python.stdout) == (0, "completed 49.70 EUR\n"), python.stderr
