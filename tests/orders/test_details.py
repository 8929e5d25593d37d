"""The table in the Web UI: a text from outside is one cell, and no markup."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from temporal_saga import Execution
from workflows.states import table_of


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
