"""A wait for what comes of a command outlasts broken connections, and keeps what is known when it can't."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from temporalio.service import RPCError, RPCStatusCode

from cli.app import run
from client.outages import Outages
from client.progress import end_within
from client.resolving import Effect, ParkedStep, Resolution, Selection
from client.settling import settled
from models.process import OrderResult, ProcessState, Status

NOW = datetime(2026, 2, 1, tzinfo=UTC)
BROKEN = RPCError("transport error", RPCStatusCode.UNKNOWN, b"")
REFUSED = RPCError("Request unauthorized.", RPCStatusCode.PERMISSION_DENIED, b"")
ENDED = ProcessState(
    process_id="order-o-1",
    process_type="OrderWorkflow",
    current_step="end",
    status=Status.CANCELLED,
    data={},
    history=(),
    started_at=NOW,
    updated_at=NOW,
)


class Run:
    """A run, and the handle on it: each call fails with the next error, until none is left."""

    def __init__(self, *errors: RPCError) -> None:
        self.errors = list(errors)

    @property
    def handle(self) -> Any:
        return self

    def _fail(self) -> None:
        if self.errors:
            raise self.errors.pop(0)

    async def query(self, *_: object, **__: object) -> ProcessState:
        self._fail()
        return ENDED

    async def describe(self) -> Any:
        self._fail()
        return SimpleNamespace(typed_search_attributes={})

    async def ended(self) -> OrderResult:
        while self.errors:
            self._fail()
        return OrderResult(order_id="o-1", status=Status.COMPLETED)


def run_that_meets(*errors: RPCError) -> Any:
    return Run(*errors)


async def test_the_end_of_a_decision_is_awaited_through_an_outage() -> None:
    notes: list[str] = []

    assert await settled(run_that_meets(BROKEN, BROKEN), 20, outages=Outages(notes.append)) == ENDED
    assert len(notes) == 1


async def test_a_decision_that_was_accepted_is_known_although_the_outage_lasts() -> None:
    assert await settled(run_that_meets(*[BROKEN] * 1000), 0.5) is None
    assert await settled(run_that_meets(BROKEN), 0) is None
    with pytest.raises(RPCError, match="unauthorized"):
        await settled(run_that_meets(REFUSED), 5)


async def test_an_order_that_is_placed_within_a_time_is_awaited_through_an_outage() -> None:
    result = await end_within(run_that_meets(BROKEN, BROKEN), 20)

    assert result is not None
    assert result.status is Status.COMPLETED
    with pytest.raises(RPCError, match="transport error"):
        async with asyncio.timeout(20):
            await end_within(run_that_meets(*[BROKEN] * 1000), 0.5)


class Orders:
    """A client whose second decision meets an outage that lasts."""

    def tell_outages(self, note: object) -> None:
        pass

    async def parked_steps(self, *_: object) -> Selection:
        return Selection(
            [
                ParkedStep(process_id=f"order-o-{number}", step="charge", direction="undo", failure="f")
                for number in range(3)
            ]
        )

    async def resolve_each(self, *_: object) -> AsyncIterator[Resolution]:
        yield Resolution(process_id="order-o-0", step="charge", effect=Effect.RESOLVED, status="compensated")
        raise RPCError("tcp connect error", RPCStatusCode.UNAVAILABLE, b"")


def test_decisions_on_many_steps_that_an_outage_ends_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @asynccontextmanager
    async def connect() -> AsyncIterator[Orders]:
        yield Orders()

    monkeypatch.setattr("cli.operate.resolve_all.connect", connect)

    code = run(["resolve-all", "retry", "--step", "charge", "--reason", "fixed", "--actor", "ann", "--json"])

    out, err = capsys.readouterr()
    assert code == 4
    assert json.loads(out)["counts"]["resolved"] == 1
    assert "1 of 3" in err
    assert "error: Temporal does not answer: tcp connect error; the same command again goes on" in err
