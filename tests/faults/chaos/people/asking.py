"""Everything that is asked for in a run, and the answer: from it the checker knows what may have happened."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

from temporalio.client import WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.service import RPCError, RPCStatusCode

from models.errors import Final, InvalidInput, Refused, Unavailable
from tests.faults.evidence.evidence import Asked

Answer = Literal["ok", "refused", "unknown"]
SECONDS_TO_ANSWER = 12.0
SECONDS_BETWEEN_TRIES = 1.0
# What the server says of something that is not there any more, or that can't be done to it. Not so when an order is
# placed: only the shop itself can refuse that.
REFUSALS = {RPCStatusCode.NOT_FOUND, RPCStatusCode.INVALID_ARGUMENT}
PLACE = "place"
NO = (Refused, Final, InvalidInput, WorkflowUpdateFailedError)
NO_ANSWER = (Unavailable, WorkflowUpdateRPCTimeoutOrCancelledError, TimeoutError, OSError)


@dataclass
class Log:
    """What was asked so far, and why there was no good answer."""

    asked: list[Asked] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)

    async def ask(
        self, op: str, order_id: str, call: Callable[[], Awaitable[object]], detail: str = "", *, patient: bool = True
    ) -> Answer:
        """Ask, and again when nobody answers unless the one who asks is impatient; return the last answer."""
        while True:
            at = time.time()
            answer = await self._answer(op, call)
            # The SDK takes a cancel for an answer that did not come in time.
            if (task := asyncio.current_task()) and task.cancelling():
                raise asyncio.CancelledError
            self.asked.append(Asked(at, op, order_id, answer, detail))
            if answer != "unknown" or not patient:
                return answer
            await asyncio.sleep(SECONDS_BETWEEN_TRIES)

    async def _answer(self, op: str, call: Callable[[], Awaitable[object]]) -> Answer:
        try:
            async with asyncio.timeout(SECONDS_TO_ANSWER):
                await call()
        except NO as error:
            return self._said(op, "refused", error)
        except NO_ANSWER as error:
            return self._said(op, "unknown", error)
        except RPCError as error:
            refused = error.status in REFUSALS and op != PLACE
            return self._said(op, "refused" if refused else "unknown", error)
        return "ok"

    def _said(self, op: str, answer: Answer, error: Exception) -> Answer:
        self.reasons[f"{op} {answer}: {type(error).__name__}: {str(error)[:100]}"] += 1
        return answer
