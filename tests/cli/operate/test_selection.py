"""The steps that `resolve-all` selects: one process that can't be read does not keep the others waiting."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from temporalio.service import RPCError, RPCStatusCode

from client import resolving
from client.resolving import ParkedFilter, select
from models.errors import Unavailable
from models.process import ProcessState, Status, StepExecution

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
LINE = StepExecution(step="charge", direction="undo", status="parked", attempt=8, started_at=NOON, error="down")
PARKED = ProcessState(
    process_id="order-good",
    process_type="OrderWorkflow",
    current_step="charge",
    status=Status.NEEDS_ATTENTION,
    data={},
    history=(LINE,),
    started_at=NOON,
    updated_at=NOON,
)


def connected(monkeypatch: pytest.MonkeyPatch, *names: str) -> Any:
    """Return a connection to a server with these parked orders; those whose name begins with `good` can be read."""

    async def listed(*_: Any) -> Any:
        for name in names:
            yield SimpleNamespace(id=f"order-{name}", typed_search_attributes={})

    async def state_of(handle: str, *_: Any) -> ProcessState | None:
        if handle.startswith("order-broken"):
            raise RPCError("the code fails", RPCStatusCode.FAILED_PRECONDITION, b"")
        return PARKED if handle.startswith("order-good") else None

    async def temporal() -> Any:
        return SimpleNamespace(list_workflows=listed)

    monkeypatch.setattr(resolving, "state_of", state_of)
    monkeypatch.setattr(resolving, "handle_of", lambda name, _: name.workflow_id)
    return SimpleNamespace(temporal=temporal)


async def test_a_parked_process_that_can_not_be_read_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = connected(monkeypatch, "broken", "silent", "good-1", "good-2")

    selection = await select(connection, ParkedFilter("charge"), limit=1)

    assert [each.process_id for each in selection.steps] == ["order-good-1"]
    assert (selection.beyond_limit, selection.unread) == (1, ("order-broken", "order-silent"))


async def test_a_step_that_is_parked_nowhere_is_answered_with_those_that_are(monkeypatch: pytest.MonkeyPatch) -> None:
    selection = await select(connected(monkeypatch, "good"), ParkedFilter("chrge"))

    assert (selection.steps, selection.others) == ([], ("charge (undo)",))


async def test_without_a_worker_a_few_processes_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = connected(monkeypatch, *(f"silent-{n}" for n in range(1000)))

    with pytest.raises(Unavailable, match="no worker answers"):
        await select(connection, ParkedFilter("charge"))
