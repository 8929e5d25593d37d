"""docs/orders.md and `starter.py schema` list exactly the fields of the models.

`python -m tests.test_reference` writes the tables of the page anew.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from cli.app import run
from models.intake.reference import DOCUMENTS, FieldEntry, fields_of
from models.order import Order
from models.slips.slip import RoutingSlip

PAGE = Path(__file__).parent.parent / "docs" / "orders.md"
# What the page explains once, above its tables, as an *id*.
ID = "1 to 64 letters, digits, - and _, and start with a letter or a digit"
TABLE = re.compile(r"<!-- fields: (\w+) -->\n(?:\n\|[^\n]*(?:\n\|[^\n]*)*\n)?")


def table(fields: list[FieldEntry]) -> str:
    values = [(each, "an id" if each.value == ID else each.value) for each in fields]
    rows = [f"| `{each.field}` | {value} | {each.needed} | {each.description} |" for each, value in values]
    return "\n".join(["| field | value | needed | meaning |", "|---|---|---|---|", *rows])


def written(page: str) -> str:
    """Return the page with its tables as the models are."""
    return TABLE.sub(lambda found: f"{found[0].splitlines()[0]}\n\n{table(fields_of(found[1]))}\n", page)


def test_the_page_lists_the_fields_of_each_document() -> None:
    page = PAGE.read_text()

    assert {found[1] for found in TABLE.finditer(page)} == set(DOCUMENTS)
    assert page == written(page), "run `python -m tests.test_reference`"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_each_field_of_a_model_has_a_sentence_and_no_sentence_is_left_over(document: str) -> None:
    fields = fields_of(document)

    assert {each.field for each in fields} == set(DOCUMENTS[document][1])
    assert all(each.value and each.needed and each.description for each in fields)


def test_the_list_reaches_the_inner_fields() -> None:
    entries = {each.field: each for each in fields_of("order")}

    assert set(Order.model_fields) < set(entries)
    assert entries["lines[].quantity"].value == "a whole number from 1 to 1000"
    assert entries["payment.method"].value == "bank_transfer or card"
    assert entries["payment.token"].needed == "required with card"
    assert entries["express"].needed == "optional: false"
    assert set(RoutingSlip.model_fields) < {each.field for each in fields_of("slip")}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_command_prints_the_fields(
    document: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert run(["schema", document]) == 0
    shown = capsys.readouterr().out
    assert run(["schema", document, "--json"]) == 0
    listed: dict[str, Any] = json.loads(capsys.readouterr().out)

    assert [each["field"] for each in listed["fields"]] == [each.field for each in fields_of(document)]
    assert listed["json_schema"]["additionalProperties"] is False
    assert all(each.field in shown for each in fields_of(document))


def test_an_unknown_document_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema", "ordre"]) == 2
    assert capsys.readouterr().err == f"error: DOCUMENT: must be one of {', '.join(DOCUMENTS)}\n"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
