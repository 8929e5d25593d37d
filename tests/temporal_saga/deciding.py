"""What the tests of parked steps share: a workflow that takes decisions, and the waits of its caller."""

import asyncio
from typing import Any

from temporalio import workflow
from temporalio.client import WorkflowHandle

from temporal_saga import Run

SECONDS_TO_END = 30.0
Handle = WorkflowHandle[Any, Any]


class Decided:
    """The base of a workflow with a query `view`; the subclass sets `run_`."""

    run_: Run[Any]
    _known: tuple[str, ...] = ()

    def changed(self) -> None:
        """Leave a command for each parked step, as an alert is one.

        The SDK takes a workflow task without commands together with the next one, and handles an update of that first.
        """
        if (parked := tuple(sorted(self.run_.parked))) != self._known:
            self._known = parked
            workflow.upsert_memo({"parked": list(parked)})

    @workflow.update
    def decide(self, step: str, verb: str) -> str | None:
        if objection := self.run_.decision_objection(step, verb, evidence=True):
            return objection
        self.run_.resolve(step, verb, {"actor": "test"})
        return None


async def ended(handle: Handle) -> dict[str, Any]:
    view: dict[str, Any] = await asyncio.wait_for(handle.result(), SECONDS_TO_END)
    return view


async def decide(handle: Handle, step: str, verb: str) -> None:
    assert await handle.execute_update("decide", args=[step, verb]) is None


async def parked(handle: Handle, *steps: str) -> None:
    """Wait until exactly these steps are parked."""
    async with asyncio.timeout(SECONDS_TO_END):
        while (await handle.query("view"))["parked"] != [*steps]:
            await asyncio.sleep(0.1)
