"""What only the histories of a lost process contain: resolved steps, an accepted event, and the steps that began."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from models.commands import Resolve, Verb
from models.errors import Final
from models.external_events import ExternalEvent
from models.names import ORDER_WORKFLOW, RECOVERY_WORKFLOW, SLIP_RECOVERY_WORKFLOW, SLIP_WORKFLOW, key
from models.recovery import LostOrder, LostSlip
from models.slips.slip import ReviseSlip

KINDS = (ORDER_WORKFLOW, RECOVERY_WORKFLOW, SLIP_WORKFLOW, SLIP_RECOVERY_WORKFLOW)
LOCAL_ACTIVITY = "core_local_activity"
READ_ORDER, READ_SLIP = "read_lost_order", "read_lost_slip"
# What the SDK and pydantic raise for a payload that this version can't decode.
UNREADABLE = (ValueError, TypeError, KeyError, RuntimeError)


@dataclass(frozen=True)
class Begun:
    """A step that a run began: its name, the activity, and the fields of its request."""

    step: str
    activity: str
    request: dict[str, Any]


@dataclass
class LastRun:
    """The state that a recovery takes over from the earlier runs; `cause` is how the last one was lost.

    `completed` is whether it ended as Completed, which is never undone; `ran` is whether any run was lost. `resolved`:
    step name → `skip` or `waive`; these steps must not be undone. `event` is the accepted event; its money must be
    recorded and refunded. `ended_early` is the reason for which a slip skipped the stops that were ahead. `begun` are
    the steps in order of start.
    """

    cause: str
    completed: bool = False
    ran: bool = False
    resolved: dict[str, Verb] = field(default_factory=dict)
    event: ExternalEvent | None = None
    ended_early: str | None = None
    begun: list[Begun] = field(default_factory=list)


@dataclass(frozen=True)
class EndedRun:
    """A run that has ended: its id, its Temporal status, and its start in seconds since 1970."""

    run_id: str
    status: WorkflowExecutionStatus
    started: float


async def last_run(
    client: Client, workflow_id: str, process: str, *, but: str, hint: str | None, never: str
) -> LastRun:
    """Return what the earlier runs under a workflow id left; `never` is the cause when Temporal has none.

    `process` is the process's name in keys; `but` is the run that asks, and `hint` one more run to read. The source is
    the histories, because a workflow that can't run any more can't answer a query. Raises Final when a history can't
    be read, RPCError.
    """
    runs = await ended_runs(client, workflow_id, but=but, hint=hint)
    # A recovery that continued as new started its process again, and is no run of it that was lost.
    ends = [run.status for run in runs if run.status is not WorkflowExecutionStatus.CONTINUED_AS_NEW]
    how = ends[-1].name.lower() if ends else never
    completed = bool(ends) and ends[-1] is WorkflowExecutionStatus.COMPLETED
    last = LastRun(f"its workflow was {how}", completed, ran=bool(ends))
    for run in runs:
        reader = _Reader(client, process, last)
        try:
            async for event in _history(client, workflow_id, run.run_id):
                await reader.read(event)
        except UNREADABLE as error:
            text = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            raise Final(f"the history of the run {run.run_id} can't be read: {text}") from None
    return last


async def ended_runs(client: Client, workflow_id: str, *, but: str, hint: str | None) -> list[EndedRun]:
    """Return the earlier runs under a workflow id, oldest first.

    Temporal's list may be some seconds late, so `hint` is looked up, too; it counts only under the same workflow id.
    """
    listed = [run.run_id async for run in client.list_workflows(f"WorkflowId = '{workflow_id}'")]
    runs: list[EndedRun] = []
    for run_id in {*listed, *([hint] if hint else ())} - {but}:
        try:
            found = await client.get_workflow_handle(workflow_id, run_id=run_id).describe()
        except RPCError as error:
            if error.status in {RPCStatusCode.NOT_FOUND, RPCStatusCode.INVALID_ARGUMENT}:
                continue  # deleted meanwhile, or no run of this workflow
            raise
        if found.status and found.workflow_type in KINDS:
            runs.append(EndedRun(run_id, found.status, found.start_time.timestamp()))
    return sorted(runs, key=lambda run: run.started)


async def _history(client: Client, workflow_id: str, run_id: str) -> AsyncIterator[HistoryEvent]:
    try:
        async for event in client.get_workflow_handle(workflow_id, run_id=run_id).fetch_history_events():
            yield event
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise


class _Reader:
    """Reads the events of one run, oldest first, into a LastRun."""

    def __init__(self, client: Client, process: str, last: LastRun) -> None:
        self._client, self._prefix, self._last = client, key(process, ""), last
        self._asked: dict[str, ExternalEvent] = {}
        self._reading: dict[int, type[LostOrder | LostSlip]] = {}

    async def read(self, event: HistoryEvent) -> None:
        """Take over what one event says."""
        await self._inherit(event)
        await self._begin(event)
        await self._accept(event)
        await self._end_early(event)
        done = event.workflow_execution_update_completed_event_attributes
        # The first accepted event decides. The workflow refuses later events, so their updates have no success.
        if done.outcome.HasField("success") and self._last.event is None:
            self._last.event = self._asked.get(done.meta.update_id)

    async def _inherit(self, event: HistoryEvent) -> None:
        """Take over what an earlier recovery read from runs that Temporal may have deleted since then."""
        scheduled = event.activity_task_scheduled_event_attributes
        if scheduled.activity_type.name in {READ_ORDER, READ_SLIP}:
            self._reading[event.event_id] = LostOrder if scheduled.activity_type.name == READ_ORDER else LostSlip
        completed = event.activity_task_completed_event_attributes
        kind = self._reading.get(completed.scheduled_event_id) if completed.scheduled_event_id else None
        if kind is None:
            return
        [answer] = await self._client.data_converter.decode(completed.result.payloads)
        if "cause" not in answer:  # it found the process closed
            return
        [lost] = await self._client.data_converter.decode(completed.result.payloads, [kind])
        self._last.resolved |= lost.resolved
        if isinstance(lost, LostOrder):
            self._last.event = self._last.event or lost.event
        else:
            # Only old histories have stops; a recovery that is lost now leaves what is begun.
            self._last.begun += [
                Begun(stop.name, stop.activity, {"amount": {"amount": stop.at_risk}})
                for stop in (*lost.stops, *lost.begun)
            ]
            if lost.settles:
                request = {"outcome": lost.settles, "reason": lost.reason}
                self._last.begun.append(Begun("settle", "close_slip", request))

    async def _begin(self, event: HistoryEvent) -> None:
        scheduled = event.activity_task_scheduled_event_attributes
        if not scheduled.activity_type.name or scheduled.activity_type.name in {READ_ORDER, READ_SLIP}:
            return
        if len(scheduled.input.payloads) != 1:  # no step has another number of arguments
            return
        [request] = await self._client.data_converter.decode(scheduled.input.payloads)
        step = request.get("key", "") if isinstance(request, dict) else ""
        if step.startswith(self._prefix):
            begun = Begun(step.removeprefix(self._prefix), scheduled.activity_type.name, request)
            self._last.begun.append(begun)

    async def _end_early(self, event: HistoryEvent) -> None:
        """Take over the end of an itinerary by a stop's answer, which an activity gave, or a local one."""
        results = event.activity_task_completed_event_attributes.result.payloads
        if event.marker_recorded_event_attributes.marker_name == LOCAL_ACTIVITY:
            results = event.marker_recorded_event_attributes.details["result"].payloads
        if len(results) != 1:
            return
        [answer] = await self._client.data_converter.decode(results)
        revision = answer.get("revision") if isinstance(answer, dict) else None
        if isinstance(revision, dict) and revision.get("terminate"):
            self._last.ended_early = str(revision.get("reason") or "")

    async def _accept(self, event: HistoryEvent) -> None:
        accepted = event.workflow_execution_update_accepted_event_attributes.accepted_request
        if accepted.input.name == "resolve":
            [command] = await self._client.data_converter.decode(accepted.input.args.payloads, [Resolve])
            if command.verb in {"skip", "waive"}:
                self._last.resolved[command.step] = command.verb
        elif accepted.input.name == "revise_slip":
            [revised] = await self._client.data_converter.decode(accepted.input.args.payloads, [ReviseSlip])
            if revised.revision.terminate:
                self._last.ended_early = revised.reason
        elif accepted.input.name == "deliver_event":
            [self._asked[accepted.meta.update_id]] = await self._client.data_converter.decode(
                accepted.input.args.payloads, [ExternalEvent]
            )
