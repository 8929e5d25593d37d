"""Admission: before a participant acts, it asks whether the process was accepted with this step and these values.

A participant's requests may come from anyone who can reach the task queue. So a request alone moves no money and no
goods, and leaves no receipt that would spoil the key of an order to come.
"""

from typing import Protocol

from models.accepted import AcceptedProcess, AcceptedStep
from models.activities.base import Request
from models.errors import AlreadySettled, AlreadyUndone, NotAccepted
from models.names import step_of


class AcceptedProcesses(Protocol):
    """The port to the services that accept orders and slips."""

    async def of(self, process: str, *, fresh: bool = False) -> AcceptedProcess | None:
        """Return an accepted process by its name in keys, None when there is none; raise Unavailable.

        Without `fresh` the answer may be an earlier one, which lacks later revisions of a slip.
        """
        ...


class Admission:
    """Compares the requests for one activity with what was accepted."""

    def __init__(self, activity: str, processes: AcceptedProcesses) -> None:
        self._activity, self._processes = activity, processes

    async def do(self, request: Request) -> bool:
        """Return whether the process of an accepted step, with the accepted values, is open; raise NotAccepted.

        A step of a process that has ended never begins; only its recorded answer is repeated. Raises Unavailable, too.
        """
        accepted = await self._processes.of(request.order_id)
        if self._objection(request, accepted):
            accepted = await self._processes.of(request.order_id, fresh=True)
            if problem := self._objection(request, accepted):
                raise NotAccepted(f"{request.key}: {problem}")
        return accepted is not None and not accepted.ended

    async def undo(self, request: Request) -> None:
        """Return when the key is that of an accepted step that may be undone.

        Raises NotAccepted, AlreadySettled when the process was completed, Unavailable.
        """
        if (await self._of_step(request, fresh=True)).final:
            raise AlreadySettled(f"{request.key}: the order or slip was completed and can't be undone")

    async def settle(self, request: Request) -> None:
        """Return when the key is that of an accepted step that may become final.

        Raises NotAccepted, AlreadyUndone when the process has ended otherwise, Unavailable.
        """
        accepted = await self._of_step(request)
        if accepted.ended and not accepted.final:
            raise AlreadyUndone(f"{request.key}: can't be settled, the order or slip has ended without its effects")

    async def _of_step(self, request: Request, *, fresh: bool = False) -> AcceptedProcess:
        for again in sorted({fresh, True}):
            accepted = await self._processes.of(request.order_id, fresh=again)
            if accepted and (accepted.pruned or self._step(request, accepted)):
                return accepted
        raise NotAccepted(f"{request.key}: no accepted order or slip has this step")

    def _objection(self, request: Request, accepted: AcceptedProcess | None) -> str | None:
        if accepted is None:
            return "no such order or slip was accepted"
        if accepted.pruned:
            return "the order or slip ended long ago and was pruned"
        step = self._step(request, accepted)
        if step is None:
            return f"was accepted without this step for {self._activity}"
        differing = step.differing(request)
        return f"{', '.join(differing)}: not as accepted" if differing else None

    def _step(self, request: Request, accepted: AcceptedProcess) -> AcceptedStep | None:
        step = accepted.steps.get(step_of(request.key))
        return step if step and step.activity == self._activity else None
