"""Each error of Temporal has its exit code and its line; an outage is outlasted, a refusal is not."""

import asyncio

import pytest
from temporalio.service import RPCError, RPCStatusCode

from cli.app import _ending
from cli.exits import Code
from client.outages import Outages, is_outage, lacks_workflow
from models.errors import Conflict, Unavailable

Status = RPCStatusCode
NAMESPACE = "Namespace default is not found."
# Status and message of an error → exit code, and whether a command that waits outlasts it.
ERRORS = {
    (Status.UNAVAILABLE, "tcp connect error"): (4, True),
    (Status.UNKNOWN, "transport error"): (4, True),
    (Status.CANCELLED, "transport error"): (4, True),
    (Status.INTERNAL, "h2 protocol error: error reading a body from connection"): (4, True),
    (Status.UNKNOWN, "the proxy answers something"): (4, False),
    (Status.INTERNAL, "the server has a bug"): (4, False),
    (Status.NOT_FOUND, NAMESPACE): (4, True),
    (Status.NOT_FOUND, "workflow not found for ID: order-o-1"): (5, False),
    (Status.DEADLINE_EXCEEDED, "context deadline exceeded"): (4, True),
    (Status.CANCELLED, "Timeout expired"): (4, False),
    (Status.RESOURCE_EXHAUSTED, "namespace rate limit exceeded"): (4, True),
    (Status.PERMISSION_DENIED, "Request unauthorized."): (4, False),
    (Status.UNAUTHENTICATED, "invalid token"): (4, False),
    (Status.UNIMPLEMENTED, "unknown method"): (2, False),
    (Status.INVALID_ARGUMENT, "invalid query: no search attribute OrderStatus"): (2, False),
    (Status.ALREADY_EXISTS, "it exists"): (6, False),
    (Status.FAILED_PRECONDITION, "no poller"): (6, False),
    (Status.INVALID_ARGUMENT, "a bug"): (1, False),
    (Status.OUT_OF_RANGE, "a bug"): (1, False),
    (Status.DATA_LOSS, "the history is corrupt"): (4, False),
    (Status.ABORTED, "try again"): (4, True),
    (Status.CANCELLED, "operation was canceled"): (4, True),
    (Status.CANCELLED, "context canceled"): (4, True),
    (Status.UNKNOWN, "grpc-status header missing, mapped from HTTP status code 500"): (4, True),
    (Status.UNIMPLEMENTED, "grpc-status header missing, mapped from HTTP status code 404"): (4, True),
    (Status.PERMISSION_DENIED, "grpc-status header missing, mapped from HTTP status code 403"): (4, False),
}


def test_every_status_has_a_case() -> None:
    assert {status for status, _ in ERRORS} == set(RPCStatusCode) - {Status.OK}


@pytest.mark.parametrize(("status", "message"), ERRORS)
def test_an_error_has_its_exit_code_and_its_line(status: RPCStatusCode, message: str) -> None:
    error = RPCError(message, status, b"")
    code, outlasted = ERRORS[status, message]

    ended = _ending(error)

    assert ended.code == code
    assert message in ended.line
    assert "\n" not in ended.line
    assert ("unexpected" in ended.line) == (code == Code.UNEXPECTED)
    assert is_outage(error) == outlasted
    assert lacks_workflow(error) == (code == Code.NOT_FOUND)


class Server:
    """Fails so many times, then answers."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)

    async def call(self) -> str:
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


async def test_an_outage_is_outlasted_with_one_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("client.outages.FIRST_PAUSE", 0.001)
    notes: list[str] = []
    server = Server(RPCError("away", Status.UNAVAILABLE, b""), Unavailable("database: away"), Unavailable("away"))

    assert await Outages(notes.append).outlast(server.call) == "answer"
    assert notes == ["Temporal does not answer: away; waits for it, 60 s at most"]


@pytest.mark.parametrize(
    "error", [Conflict("no"), Unavailable("no right", lasting=True), RPCError("no", Status.PERMISSION_DENIED, b"")]
)
async def test_a_refusal_is_not_repeated(error: Exception) -> None:
    server = Server(error, error)

    with pytest.raises(type(error)):
        await Outages().outlast(server.call)
    assert len(server.errors) == 1


async def test_an_outage_that_lasts_too_long_ends_with_its_error() -> None:
    server = Server(*[Unavailable("away")] * 1000)

    with pytest.raises(Unavailable):
        async with asyncio.timeout(30):
            await Outages(seconds=0.5).outlast(server.call)
    assert server.errors
