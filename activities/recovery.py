"""The reconciler's activities: recover a page of lost processes, alert of dead letters, give up unsent alerts."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from typing import Protocol

from temporalio import activity
from temporalio.service import RPCError, RPCStatusCode

from activities.installation import InstallationRecord, check_installation
from activities.lost_processes import CHANNEL, Recovery
from activities.process_types import ProcessType
from models.dead_letters import Undeliverable
from models.errors import Final, Unavailable
from models.money import Money
from models.names import ProcessName, readings
from models.recovery import OpenProcess, Reconcile, Reconciled

# The limit of concurrent requests to the Temporal server.
CONCURRENT_PROCESSES = 10
# A page is tried so often while one of its processes can't be examined; then the round goes on with the next page.
PAGE_ATTEMPTS = 3
# The server refuses such a request permanently.
NOT_RETRYABLE = {RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.OUT_OF_RANGE}


class DeadLetterChannel(Protocol):
    """The port to the dead letters."""

    async def record(self, dead: Undeliverable) -> int:
        """Return the number of the message's dead letter, after creating it if there is none."""
        ...

    async def is_blocked(self, process_id: str, channel: str | None = None) -> bool:
        """Return whether messages of a process wait behind a dead letter."""
        ...


class UnsentAlertsService(Protocol):
    """The port to the alerts that no operator has received."""

    async def alert_of_letters(self) -> int:
        """Record an alert for each open dead letter that blocks a process and has none; return how many."""
        ...

    async def send_again(self) -> int:
        """Send the alerts that no notifier has accepted yet; return how many were accepted."""
        ...

    async def give_up(self, older_than: float) -> int:
        """Turn unsent alerts older than `older_than` seconds into dead letters; return how many."""
        ...


class RecoveryActivities:
    """Activities that recover lost processes and see to alerts that reached no operator."""

    def __init__(
        self,
        types: Iterable[ProcessType],
        letters: DeadLetterChannel,
        unsent: UnsentAlertsService,
        installation: InstallationRecord,
    ) -> None:
        self._types, self._letters, self._unsent = tuple(types), letters, unsent
        self._installation = installation

    @activity.defn
    async def recover_page(self, task: Reconcile) -> Reconciled:
        """Check one page of open processes, and start the recovery of those whose workflow is lost.

        A process that can't be examined stops no other one: it becomes a dead letter, or is examined again by the next
        round. Raises what the first such process raised, after the others were examined, until the attempt
        PAGE_ATTEMPTS. Raises WrongInstallation: a process of another installation has no workflow here, but isn't lost.
        """
        await check_installation(activity.client(), self._installation)
        page = await self._page(task)
        recovery = Recovery(activity.client(), self._types)
        gate = asyncio.Semaphore(CONCURRENT_PROCESSES)

        async def recovered(name: ProcessName) -> str:
            async with gate:
                return await self._recovered(recovery, name)

        # Wait for all of them, also after an error: a task must not outlive the activity and its worker.
        answers = await asyncio.gather(*map(recovered, page), return_exceptions=True)
        failed = _failed(page, answers)
        if failed and activity.info().attempt < PAGE_ATTEMPTS:
            raise failed[0]
        count = Counter(answer for answer in answers if isinstance(answer, str))
        return Reconciled(
            looked_at=len(page),
            recovering=count["recovering"],
            dead=count["dead"],
            failed=len(failed),
            next=page[-1].path if len(page) == task.limit else None,
        )

    async def _page(self, task: Reconcile) -> list[ProcessName]:
        """Return the next processes, those of one type after those of another."""
        after = next(iter(readings(task.after)), None) if task.after else None
        kinds = [each.kind for each in self._types]
        found: list[ProcessName] = []
        for each in self._types[kinds.index(after.kind) if after else 0 :]:
            behind = after.id if after and after.kind is each.kind else None
            ids = await each.open.page(behind, task.limit - len(found), task.grace_seconds)
            found += [ProcessName(each.kind, process_id) for process_id in ids]
            if len(found) == task.limit:
                break
        return found

    async def _recovered(self, recovery: Recovery, name: ProcessName) -> str:
        """Recover one process; one that can't be recovered becomes a dead letter; raise Unavailable, RPCError."""
        if await self._letters.is_blocked(name.workflow_id, CHANNEL):
            return "blocked"
        try:
            return await recovery.recover(name)
        except Unavailable:
            raise
        except Exception as error:
            if isinstance(error, RPCError) and error.status not in NOT_RETRYABLE:
                raise
            if not isinstance(error, Final):
                activity.logger.exception("%s can't be recovered", name)
            of_type = next(each for each in self._types if each.kind is name.kind)
            found = await of_type.open.read(name.id)
            if found is None:
                return "closed"
            await self._letters.record(failed_recovery(of_type, name, found, type(error).__name__, str(error)))
            return "dead"

    @activity.defn
    async def give_up_alerts(self, task: Reconcile) -> int:
        """Alert of dead letters, send unsent alerts again, and turn those unsent for too long into dead letters.

        Return the number of alerts that were given up.
        """
        await self._unsent.alert_of_letters()
        await self._unsent.send_again()
        return await self._unsent.give_up(task.alert_seconds)


def _failed(page: list[ProcessName], answers: list[str | BaseException]) -> list[Exception]:
    """Return the errors of the processes that could not be examined, and log each with its process."""
    failed = []
    for name, answer in zip(page, answers, strict=True):
        if isinstance(answer, Exception):
            activity.logger.warning("%s can't be examined now: %s", name, " ".join(str(answer).split())[:300])
            failed.append(answer)
        elif isinstance(answer, BaseException):
            raise answer
    return failed


def failed_recovery(  # noqa: PLR0913 - the last two by name
    of_type: ProcessType,
    name: ProcessName,
    found: OpenProcess,
    error_type: str,
    cause: str,
    *,
    attempts: int = 1,
    at_risk: Money | None = None,
) -> Undeliverable:
    """Return the dead letter of a process that can't be recovered, with its stored body and the amount at risk.

    `at_risk` is what the recovery learned from the services. Otherwise the process's own record says what its effects
    may cost at most: a letter never waits for a service.
    """
    if at_risk is None:
        at_risk = _recorded_risk(of_type, found)
    return Undeliverable(
        channel=CHANNEL,
        message_id=name.process,
        original=found.body.encode(),
        error_type=error_type,
        cause=cause,
        attempts=attempts,
        process_id=name.workflow_id,
        correlation_id=name.process,
        place=f"the recovery of a lost {name.kind}",
        at_risk=at_risk.amount if at_risk else 0,
        currency=at_risk.currency if at_risk and at_risk.amount else "",
    )


def _recorded_risk(of_type: ProcessType, found: OpenProcess) -> Money | None:
    try:
        return of_type.at_risk(found)
    except Exception:  # noqa: BLE001 - the letter of an unreadable process must not fail for the same reason
        return found.total
