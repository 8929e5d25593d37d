"""What a shell and its user expect of any command: a version, completion, and one format of times."""

import os
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cli.app import VERSION, run
from models.moments import moment
from tests.cli.conftest import PROJECT


def test_the_version_is_that_of_the_project(capsys: pytest.CaptureFixture[str]) -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]

    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"{project['name']} {VERSION}\n"
    assert project["version"] == VERSION


COMPLETING = """
eval "$(./starter.py --show-completion)"
COMP_WORDS=(./starter.py {words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_starterpy_completion ./starter.py
echo "${{COMPREPLY[@]}}"
"""


@pytest.mark.parametrize(
    ("words", "expected"), [("st", "status stuck"), ("resolve o-1 charge --re", "--reason --request")]
)
def test_bash_completes_commands_and_options(words: str, expected: str) -> None:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}

    shell = subprocess.run(
        ["bash", "-c", COMPLETING.format(words=words)],  # noqa: S607
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert shell.stdout.split() == expected.split(), shell.stderr


@pytest.fixture
def in_india(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("in_india")
def test_a_time_has_its_offset() -> None:
    assert moment(datetime(2026, 11, 26, 2, 13, 48, 7, tzinfo=UTC)) == "2026-11-26 07:43:48+05:30"


@pytest.mark.parametrize("folder", ["cli", "client"])
def test_no_other_code_formats_a_time_for_people(folder: str) -> None:
    found = {
        path.name: re.findall(r":%[YHdm]\S*", path.read_text()) for path in sorted((PROJECT / folder).rglob("*.py"))
    }

    assert {name: formats for name, formats in found.items() if formats} == {}
