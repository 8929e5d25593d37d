"""Client for routing slips (Enterprise Integration Patterns): place, follow and review them."""

from dataclasses import dataclass
from typing import Any

from temporalio.client import WorkflowFailureError
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError, is_cancelled_exception

from client.commands import send
from client.connection import Connection
from client.handles import Handle, exists, handle_of, process_named
from client.progress import Outcome, Seen, follow, result_in
from models import names
from models.errors import NotFound
from models.names import ProcessKind, ProcessName
from models.process import ProcessState
from models.slips.slip import Review, RoutingSlip, SlipCommandAccepted, SlipResult


@dataclass(frozen=True)
class SlipRun:
    """The run of a slip; `known` is its recorded result when Temporal no longer has the run."""

    slip_id: str
    handle: Handle
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

    def standing_still(self, state: ProcessState) -> SlipResult:
        """Return the result so far of a waiting slip, with the stop that waits."""
        known: dict[str, Any] = {"slip_id": self.slip_id, "version": state.data["version"]}
        return SlipResult(**known, status=state.status.value, failed_step=state.current_step)  # type: ignore[arg-type] # it waits


@dataclass(frozen=True)
class PlacedSlip:
    """A placed slip, its run, and whether it was placed before (`again`)."""

    slip: RoutingSlip
    run: SlipRun
    again: bool


class SlipsClient:
    """Places and reviews routing slips."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def place(self, slip: RoutingSlip) -> PlacedSlip:
        """Start a slip and return its run; the existing run when it was placed before. Raise Conflict, Unavailable."""
        services, client = await self._connection.services(), await self._connection.temporal()
        await services.slips.accept(slip)
        record = await services.slips.find(slip.slip_id)
        handle = handle_of(ProcessName(ProcessKind.SLIP, slip.slip_id), client)
        if record and record.closed_at:
            known = None if await exists(handle) else _result(slip.slip_id, record.status, record.reason)
            return PlacedSlip(slip, SlipRun(slip.slip_id, handle, known), again=True)
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
            return PlacedSlip(slip, SlipRun(slip.slip_id, handle), again=True)
        return PlacedSlip(slip, SlipRun(slip.slip_id, handle), again=False)

    async def follow(self, placed: PlacedSlip, seen: Seen = lambda _: None) -> Outcome[SlipResult]:
        """Wait until a slip has ended or waits; pass its state to `seen` on each poll, None while no worker answers."""
        return await follow(placed.run, seen) if placed.run.known is None else Outcome(placed.run.known)

    async def review(self, slip_id: str, command: Review) -> SlipCommandAccepted:
        """Send the decision on a review stop; raise NotFound, Conflict when the stop doesn't wait, Unavailable."""
        name = await process_named(slip_id, self._connection, [ProcessKind.SLIP])
        handle = handle_of(name, await self._connection.temporal())
        if not await exists(handle):
            raise NotFound(f"there is no {name}")
        return await send(handle, "review", command, None, "not taken", SlipCommandAccepted)


def _result(slip_id: str, status: Any, reason: str) -> SlipResult:
    return SlipResult(slip_id=slip_id, status=status, reason=reason or None)


def _summary(slip: RoutingSlip) -> str:
    return f"{len(slip.itinerary)} stops: {' → '.join(stop.name for stop in slip.itinerary)}"[:200]


def _details(slip: RoutingSlip) -> str:
    """Return the slip's details for the Web UI: its stops, no personal data."""
    rows = "\n".join(f"| {stop.name} | {stop.activity} |" for stop in slip.itinerary)
    return f"**Slip {slip.slip_id}**, at most {slip.max_hops} stops\n\n| stop | activity |\n|---|---|\n{rows}"
