"""What an answer means, and what no answer means."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from temporalio.client import WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.service import RPCError, RPCStatusCode

from models.errors import Conflict, OrderRejected, Unavailable
from tests.faults.chaos.people import asking
from tests.faults.chaos.people.asking import Log


def rpc(status: RPCStatusCode) -> RPCError:
    return RPCError("said so", status, b"")


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
async def test_a_no_is_a_no_and_silence_may_be_a_yes(error: Exception, answer: str) -> None:
    log = Log()
    assert await log.ask("place", "o-1", raises(error), "hash", patient=False) == answer
    assert [(a.op, a.order_id, a.answer, a.detail) for a in log.asked] == [("place", "o-1", answer, "hash")]


async def test_what_is_not_there_refuses_all_but_to_be_placed() -> None:
    assert await Log().ask("cancel", "o-1", raises(rpc(RPCStatusCode.NOT_FOUND)), patient=False) == "refused"


async def test_whoever_is_patient_asks_until_somebody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
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


async def test_a_fault_of_our_own_is_not_taken_for_an_answer() -> None:
    with pytest.raises(KeyError):
        await Log().ask("place", "o-1", raises(KeyError("bug")))


async def test_whoever_is_sent_away_goes_whatever_the_call_makes_of_it() -> None:
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
