"""Parked steps are selected although one of the processes does not answer."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, nullcontext
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from temporalio.client import WorkflowQueryFailedError
from temporalio.service import RPCError, RPCStatusCode

from client.connection import Connection
from client.resolving import ParkedFilter, select
from models.errors import Unavailable
from models.process import ProcessState, Status, StepExecution

NOW = datetime(2026, 2, 1, tzinfo=UTC)
ERRORS = {
    "order-stalled": RPCError("workflow task in failed state", RPCStatusCode.FAILED_PRECONDITION, b""),
    "order-unreadable": WorkflowQueryFailedError("the history can't be replayed"),
}


def state_of(process_id: str) -> ProcessState:
    line = StepExecution(step="charge", direction="undo", status="parked", attempt=4, started_at=NOW, error="no answer")
    return ProcessState(
        process_id=process_id,
        process_type="OrderWorkflow",
        current_step="charge",
        status=Status.NEEDS_ATTENTION,
        data={},
        history=(line,),
        started_at=NOW,
        updated_at=NOW,
    )


class Temporal:
    """A server with these parked processes."""

    def __init__(self, *ids: str) -> None:
        self._ids = ids

    async def list_workflows(self, _: str) -> AsyncIterator[Any]:
        for each in self._ids:
            yield SimpleNamespace(id=each, typed_search_attributes={})

    def get_workflow_handle(self, process_id: str, **_: object) -> Any:
        async def query(*_: object, **__: object) -> ProcessState:
            if process_id in ERRORS:
                raise ERRORS[process_id]
            return state_of(process_id)

        return SimpleNamespace(id=process_id, query=query)


class Unused:
    """A connection whose checks are of no interest here."""

    installation = None


def connection_to(temporal: Any, monkeypatch: pytest.MonkeyPatch) -> Connection:
    async def opened() -> Any:
        return temporal

    async def checked(*_: object) -> None:
        pass

    monkeypatch.setattr("client.connection.check_installation", checked)
    services: Any = Unused()
    return Connection(opened, lambda: nullcontext(services), AsyncExitStack())


async def test_a_process_that_does_not_answer_is_left_out_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = connection_to(Temporal("order-stalled", "order-unreadable", "order-o-1", "order-o-2"), monkeypatch)
    notes: list[str] = []
    connection.outages.note = notes.append

    selected = await select(connection, ParkedFilter("charge"))

    assert [each.process_id for each in selected] == ["order-o-1", "order-o-2"]
    assert [note.partition(" ")[0] for note in notes] == list(ERRORS)


async def test_workers_that_answer_for_no_process_are_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unavailable, match="no worker answers"):
        await select(connection_to(Temporal("order-stalled"), monkeypatch), ParkedFilter("charge"))

    assert await select(connection_to(Temporal(), monkeypatch), ParkedFilter("charge")) == []
