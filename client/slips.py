"""Client for routing slips (Enterprise Integration Patterns): place, follow and review them."""

from dataclasses import dataclass, replace
from typing import Any

from temporalio.client import WorkflowFailureError
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError, is_cancelled_exception

from client.commands import running, send
from client.connection import Connection
from client.handles import Handle, exists, handle_of, process_named
from client.progress import Outcome, Seen, follow, result_in, where_it_waits
from models import names
from models.errors import Conflict, NotFound, WorkflowGone
from models.names import ProcessKind, ProcessName
from models.process import ProcessState
from models.slips.slip import Review, RoutingSlip, SlipCommandAccepted, SlipResult
from services.slips.slips import SlipRecord, Slips


@dataclass(frozen=True)
class SlipRun:
    """The run of a slip; `known` is its recorded result when Temporal no longer has the run."""

    slip_id: str
    handle: Handle
    slips: Slips
    known: SlipResult | None = None

    async def ended(self) -> SlipResult:
        """Wait for the end; return the result of the workflow or of its failure."""
        if self.known is not None:
            return self.known
        try:
            result: SlipResult = await self.handle.result()
        except WorkflowFailureError as failure:
            if carried := result_in(failure, "SlipCompensated", SlipResult):
                return carried
            status: Any = "cancelled" if is_cancelled_exception(failure.cause) else "failed"
            reason = getattr(failure.cause, "message", type(failure.cause).__name__)
            return SlipResult(slip_id=self.slip_id, status=status, reason=reason)
        return result

    async def without_workflow(self) -> SlipResult:
        """Return the recorded result when Temporal no longer has the run; raise WorkflowGone when it is open."""
        record = await self.slips.find(self.slip_id)
        if record and record.closed_at:
            return _result(record)
        raise WorkflowGone(f"slip {self.slip_id} is open, but its workflow is gone; the reconciler recovers it")

    def standing_still(self, state: ProcessState) -> SlipResult:
        """Return the result so far of a waiting slip: the stop that waits, and for what, or its error."""
        known: dict[str, Any] = {
            "slip_id": self.slip_id,
            "version": state.data["version"],
            "status": state.status.value,
        }
        return SlipResult(**known, **where_it_waits(state))


@dataclass(frozen=True)
class PlacedSlip:
    """A placed slip: its run, and whether it was placed before (`again`)."""

    run: SlipRun
    again: bool

    @property
    def slip_id(self) -> str:
        """The id of the slip."""
        return self.run.slip_id


class SlipsClient:
    """Places and reviews routing slips."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def place(self, slip: RoutingSlip) -> PlacedSlip:
        """Start a slip and return its run; the existing run when it was placed before.

        Raises InvalidInput when the workflow would refuse the itinerary, Conflict, Unavailable.
        """
        from client.itineraries import check_itinerary  # noqa: PLC0415 - the import is slow

        check_itinerary(slip)
        services, client = await self._connection.services(), await self._connection.temporal()
        await services.slips.accept(slip)
        record = await services.slips.find(slip.slip_id)
        handle = handle_of(ProcessName(ProcessKind.SLIP, slip.slip_id), client)
        if record and record.closed_at:
            return await _recorded(record, handle, services.slips)
        try:
            handle = await client.start_workflow(
                names.SLIP_WORKFLOW,
                slip,
                id=handle.id,
                task_queue=names.TASK_QUEUE,
                result_type=SlipResult,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                request_eager_start=True,
                static_summary=_summary(slip),
                static_details=_details(slip),
            )
        except WorkflowAlreadyStartedError:
            return PlacedSlip(SlipRun(slip.slip_id, handle, services.slips), again=True)
        return PlacedSlip(SlipRun(slip.slip_id, handle, services.slips), again=False)

    async def place_patiently(self, slip: RoutingSlip) -> PlacedSlip:
        """Place a slip as `place`, and outlast an outage of a server that was reached before."""
        placed, repeated = await self._connection.patiently(lambda: self.place(slip))
        return replace(placed, again=False) if repeated else placed

    async def placed(self, slip: str) -> PlacedSlip:
        """Return a slip that was placed before; raise NotFound, Conflict when it is open without a workflow."""
        name = await process_named(slip, self._connection, [ProcessKind.SLIP])
        handle = handle_of(name, await self._connection.temporal())
        slips = (await self._connection.services()).slips
        if await exists(handle):
            return PlacedSlip(SlipRun(name.id, handle, slips), again=True)
        record = await slips.find(name.id)
        if record is None:
            raise NotFound(f"there is no {name}")
        if not record.closed_at:
            raise Conflict(f"{name} is {record.status}, but its workflow is gone; the reconciler recovers it")
        return await _recorded(record, handle, slips)

    async def follow(self, placed: PlacedSlip, seen: Seen = lambda _: None) -> Outcome[SlipResult]:
        """Wait until a slip has ended or waits; pass its state to `seen` on each poll, None while no worker answers."""
        if placed.run.known is not None:
            return Outcome(placed.run.known)
        return await follow(placed.run, seen, outages=self._connection.outages)

    async def review(self, slip_id: str, command: Review) -> SlipCommandAccepted:
        """Send the decision on a review stop; raise NotFound, Conflict when the stop doesn't wait, Unavailable."""
        otherwise = "not taken"
        async with running(slip_id, self._connection, otherwise, [ProcessKind.SLIP]) as (_, handle):
            return await send(handle, "review", command, None, otherwise, SlipCommandAccepted)


async def _recorded(record: SlipRecord, handle: Handle, slips: Slips) -> PlacedSlip:
    """Return a slip that has ended: its run, or its recorded result when Temporal no longer has the run."""
    known = None if await exists(handle) else _result(record)
    return PlacedSlip(SlipRun(record.slip_id, handle, slips, known), again=True)


def _result(record: SlipRecord) -> SlipResult:
    status: Any = record.status
    return SlipResult(slip_id=record.slip_id, status=status, reason=record.reason or None)


def _summary(slip: RoutingSlip) -> str:
    return f"{len(slip.itinerary)} stops: {' → '.join(stop.name for stop in slip.itinerary)}"[:200]


def _details(slip: RoutingSlip) -> str:
    """Return the slip's details for the Web UI: its stops, no personal data."""
    rows = "\n".join(f"| {stop.name} | {stop.activity} |" for stop in slip.itinerary)
    return f"**Slip {slip.slip_id}**, at most {slip.max_hops} stops\n\n| stop | activity |\n|---|---|\n{rows}"
