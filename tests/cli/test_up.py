"""`up` prints links to what waits, as lists of the Web UI."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

from cli.demo.system import System
from models.process import Status
from tests.systems import System as UnderTest
from tests.upkeep.conftest import workerless

__all__ = ["workerless"]


async def test_a_link_lists_what_waits_for_an_operator(workerless: UnderTest) -> None:
    unused: Any = None
    system = System(workerless.client, unused, "http://127.0.0.1:8233", joined=False)

    link = urlsplit(system.list_of(Status.NEEDS_ATTENTION))

    assert link.path == f"/namespaces/{workerless.client.namespace}/workflows"
    (query,) = parse_qs(link.query)["query"]
    assert query == 'OrderStatus="needs_attention" AND ExecutionStatus="Running"'
    assert [run async for run in workerless.client.list_workflows(query)] == []
