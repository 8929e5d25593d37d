"""The table in the Web UI: a text from outside is one cell, and no markup."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from client.diagnosis.waiting import resolve_command
from temporal_saga import Execution
from workflows.states import retry_command, table_of


@pytest.mark.parametrize(
    "text",
    [
        "a | b",
        "a\n| x | y |",
        "[click](http://evil)",
        "![](http://evil/a.png)",
        "<img src=x>",
        "`code` *bold* _it_",
        "\\|",
    ],
)
@pytest.mark.parametrize("where", ["summary", "error"])
def test_a_foreign_text_stays_in_its_cell(text: str, where: str) -> None:
    line = Execution("hold", "do", "", datetime.now(UTC), status="waiting")
    setattr(line, where, text)
    run: Any = SimpleNamespace(status="waiting", history=[line])

    *_, row = table_of(run).splitlines()

    bare = [
        character
        for before, character in zip(" " + row, row, strict=False)
        if character in "|`*_[]<>!" and before != "\\"
    ]
    assert bare == ["|"] * 6
    assert len(table_of(run).splitlines()) == 5


@pytest.mark.parametrize(("process", "argument"), [("o-1", "o-1"), ("slip.s-1", "slips/s-1")])
def test_a_parked_step_is_the_first_line_with_the_command_that_helps(process: str, argument: str) -> None:
    line = Execution("charge", "undo", "refund 49.70 EUR", datetime.now(UTC), status="parked", error="the bank is down")
    run: Any = SimpleNamespace(status="needs_attention", history=[line], process=process)

    first, _, _, command, *_ = table_of(run).splitlines()

    assert first == "**⚠ needs attention: refund 49.70 EUR is parked** (the bank is down): run"
    assert command == resolve_command(argument, "charge") == retry_command(process, "charge")
