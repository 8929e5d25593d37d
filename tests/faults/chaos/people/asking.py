"""The requests of a run with their answers: the checker derives from them what may have happened."""

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
# Statuses of Temporal for a missing workflow or an impossible request. When an order is placed they refuse nothing:
# only the product itself can refuse an order.
REFUSALS = {RPCStatusCode.NOT_FOUND, RPCStatusCode.INVALID_ARGUMENT}
PLACE = "place"
REFUSED_ERRORS = (Refused, Final, InvalidInput, WorkflowUpdateFailedError)
UNANSWERED_ERRORS = (Unavailable, WorkflowUpdateRPCTimeoutOrCancelledError, TimeoutError, OSError)


@dataclass
class Log:
    """The requests so far, and the counted reasons of refusals and missing answers."""

    asked: list[Asked] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)

    async def ask(
        self, op: str, order_id: str, call: Callable[[], Awaitable[object]], detail: str = "", *, patient: bool = True
    ) -> Answer:
        """Send a request and record its answer; repeat until an answer arrives if `patient`. Return the last one."""
        while True:
            at = time.time()
            answer = await self._answer(op, call)
            # The SDK turns the cancellation of this task into a timeout error.
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
        except REFUSED_ERRORS as error:
            return self._record_reason(op, "refused", error)
        except UNANSWERED_ERRORS as error:
            return self._record_reason(op, "unknown", error)
        except RPCError as error:
            refused = error.status in REFUSALS and op != PLACE
            return self._record_reason(op, "refused" if refused else "unknown", error)
        return "ok"

    def _record_reason(self, op: str, answer: Answer, error: Exception) -> Answer:
        self.reasons[f"{op} {answer}: {type(error).__name__}: {str(error)[:100]}"] += 1
        return answer
