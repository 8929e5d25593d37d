"""Every block of the documentation does what it shows: it is run as it stands, or listed with a reason."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from runtime.embedded.stack import Stack
from runtime.reconciling import schedule_reconciler
from tests.docs.accepted import problem
from tests.docs.blocks import LANGUAGES, PAGES, PROJECT, Block, blocks, command, inline_commands
from tests.docs.exceptions import NOT_RUN, exception, not_run, runnable
from tests.docs.shell import Shell, copy_project, without_virtual_environment
from tests.systems import open_system
from worker import orders_worker

# Page and heading → what the JSON below the heading is.
SHOWN: dict[tuple[str, str], TypeAdapter[Any]] = {}
DIAGRAMS = ("sequenceDiagram", "flowchart", "stateDiagram-v2")
ALL = [block for page in PAGES for block in blocks(page)]
PROGRAMS = [page for page in PAGES if any(block.language in {"bash", "python"} for block in blocks(page))]


def where(block: Block) -> str:
    return block.where


def is_of_a_file(block: Block) -> bool:
    """Return whether a python block shows a file of the project or a part of it, which has tests of its own."""
    return any(block.text in path.read_text() for path in (PROJECT / "examples").rglob("*.py"))


@pytest.mark.server
@pytest.mark.parametrize("page", PROGRAMS)
@pytest.mark.timeout(600)
async def test_every_command_of_a_page_runs_as_it_stands(page: str, servers: Stack, tmp_path: Path) -> None:
    to_run = [block for block in blocks(page) if block.language in {"bash", "python"} and not is_of_a_file(block)]
    to_run = [block for block in to_run if any(command(line) for line in runnable(block).splitlines())]
    if not to_run:
        return
    async with open_system(servers) as system:
        await schedule_reconciler(system.client, 60)
        home = await asyncio.to_thread(copy_project, tmp_path / "project")
        shell = Shell(home, without_virtual_environment(system.environment()))
        async with orders_worker(system.client, system.stack.database_url, system.settings):
            for block in to_run:
                ran = await shell.run(block, runnable(block))
                assert [code for code, _ in ran.failures] == block.expected_codes, (block.where, ran)


@pytest.mark.parametrize("block", [block for block in ALL if not_run(block)], ids=where)
def test_a_command_that_is_not_run_would_be_accepted(block: Block) -> None:
    assert list(filter(None, map(problem, not_run(block)))) == []


@pytest.mark.parametrize("page", PAGES)
def test_a_command_in_the_running_text_would_be_accepted(page: str) -> None:
    assert list(filter(None, map(problem, inline_commands((PROJECT / page).read_text())))) == []


def test_every_json_document_is_valid() -> None:
    for block in ALL:
        if block.language == "json":
            SHOWN[block.page, block.heading].validate_json(block.text)


def test_every_block_has_a_language_that_is_checked() -> None:
    assert {block.where: block.language for block in ALL if block.language not in LANGUAGES} == {}


def test_every_diagram_is_of_a_known_kind() -> None:
    assert [block.where for block in ALL if block.language == "mermaid" and not block.text.startswith(DIAGRAMS)] == []


def test_every_exception_is_needed() -> None:
    lines = [(block, line) for block in ALL for line in block.lines]

    assert [each for each in NOT_RUN if not any(exception(*line) is each for line in lines)] == []


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("make bench ARGS=--quick", False),
        ("make no-such-target", True),
        ("make bench ARGS=--no-such-option", True),
        ("python starter.py place order.json --express", False),
        ("python starter.py place order.json --no-such-option", True),
        ("python -m benchmarks.soak --no-such-option", True),
        ("temporal workflow list --query x", False),
        ("temporal workflow list --no-such-option", True),
    ],
)
def test_a_command_with_an_unknown_option_is_found(text: str, refused: bool) -> None:
    assert bool(problem(text)) is refused


def test_a_block_is_found_with_its_heading_and_its_lines() -> None:
    text = "# One\n\n```bash\na \\\n  b   # exit code 3: why\n# a comment\n```\n\n```\nc\n```\n"

    first, second = blocks("page.md", text)

    assert (first.where, first.heading, first.language, first.expected_codes) == ("page.md:4", "One", "bash", [3])
    assert list(map(command, first.lines)) == ["a b", ""]
    assert second.language == ""


@pytest.mark.parametrize(
    ("text", "codes"), [("true", []), ("false\ntrue", [1]), ("(exit 3)\nX=1 false", [3, 1]), ("no-such-program", [127])]
)
async def test_every_failing_command_is_noticed(text: str, codes: list[int], tmp_path: Path) -> None:
    (home := tmp_path / "home").mkdir()
    shell = Shell(home, without_virtual_environment({"PATH": "/usr/bin:/bin"}))

    ran = await shell.run(Block("page.md", "", 1, "bash", text), text)

    assert [code for code, _ in ran.failures] == codes
