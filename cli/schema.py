"""`schema`: the fields of the documents that commands read."""

from typing import Annotated, Any

import typer

from cli import render
from cli.options import AsJson
from cli.output import Output
from models.errors import InvalidInput
from models.intake.reference import DOCUMENTS, fields_of

Document = Annotated[str, typer.Argument(metavar="DOCUMENT", help=f"One of {', '.join(DOCUMENTS)}.")]


def schema(document: Document = "order", as_json: AsJson = False) -> None:
    """List the fields of an order, a slip or an event's payload, with their values; --json adds the JSON Schema."""
    if document not in DOCUMENTS:
        raise InvalidInput("DOCUMENT", f"must be one of {', '.join(DOCUMENTS)}")
    table, fields = render.table("field", "value", "needed", "meaning"), fields_of(document)
    for each in fields:
        table.add_row(*map(render.cell, (each.field, each.value, each.needed, each.description)))
    model, _ = DOCUMENTS[document]
    shown: dict[str, Any] = {"fields": [vars(each) for each in fields], "json_schema": model.model_json_schema()}
    Output(as_json).answer({"document": document, **shown}, table)
