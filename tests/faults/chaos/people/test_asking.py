"""The classification of answers and of missing answers."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from temporalio.client import WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.service import RPCError, RPCStatusCode

from models.errors import Conflict, OrderRejected, Unavailable
from tests.faults.chaos.people import asking
from tests.faults.chaos.people.asking import Log


def rpc(status: RPCStatusCode) -> RPCError:
    return RPCError("refused", status, b"")


def raises(error: Exception) -> Callable[[], Awaitable[None]]:
    async def call() -> None:
        raise error

    return call


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (Conflict("other body"), "refused"),
        (OrderRejected("unknown article"), "refused"),
        (rpc(RPCStatusCode.NOT_FOUND), "unknown"),
        (rpc(RPCStatusCode.FAILED_PRECONDITION), "unknown"),
        (rpc(RPCStatusCode.UNAVAILABLE), "unknown"),
        (rpc(RPCStatusCode.DEADLINE_EXCEEDED), "unknown"),
        (Unavailable("database"), "unknown"),
        (ConnectionResetError(), "unknown"),
    ],
)
async def test_only_the_product_refuses_an_order(error: Exception, answer: str) -> None:
    log = Log()
    assert await log.ask("place", "o-1", raises(error), "hash", patient=False) == answer
    assert [(a.op, a.order_id, a.answer, a.detail) for a in log.asked] == [("place", "o-1", answer, "hash")]


async def test_a_missing_workflow_refuses_a_cancel() -> None:
    assert await Log().ask("cancel", "o-1", raises(rpc(RPCStatusCode.NOT_FOUND)), patient=False) == "refused"


async def test_a_patient_customer_asks_until_an_answer_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "SECONDS_BETWEEN_TRIES", 0.0)
    log, errors = Log(), [Unavailable("down"), Unavailable("down")]

    async def call() -> None:
        if errors:
            raise errors.pop()

    assert await log.ask("place", "o-1", call) == "ok"
    assert [a.answer for a in log.asked] == ["unknown", "unknown", "ok"]


async def test_an_answer_that_never_comes_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "SECONDS_TO_ANSWER", 0.01)
    assert await Log().ask("cancel", "o-1", asyncio.Event().wait, patient=False) == "unknown"


async def test_a_bug_in_the_call_is_raised() -> None:
    with pytest.raises(KeyError):
        await Log().ask("place", "o-1", raises(KeyError("bug")))


async def test_a_cancelled_request_ends_whatever_its_call_does() -> None:
    began = asyncio.Event()

    async def call() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as error:
            raise WorkflowUpdateRPCTimeoutOrCancelledError from error

    asking_on = asyncio.create_task(Log().ask("cancel", "o-1", call))
    await began.wait()
    asking_on.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(asking_on, 5)
