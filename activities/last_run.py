"""What only the history of a lost order's last run contains: steps resolved by operators, and an accepted event."""

from dataclasses import dataclass, field

from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client

from models.commands import Resolve, Verb
from models.external_events import ExternalEvent
from models.names import RECOVERY_WORKFLOW, workflow_id
from models.recovery import LostOrder


@dataclass
class LastRun:
    """The state that a recovery takes over from the last run.

    `resolved`: step name → `skip` or `waive`; these steps must not be undone. `event` is the accepted event; its money
    must be recorded and refunded.
    """

    resolved: dict[str, Verb] = field(default_factory=dict)
    event: ExternalEvent | None = None


async def last_run(client: Client, order_id: str) -> LastRun:
    """Return what the last run of an order, and the runs that it recovered, left; raise RPCError.

    The source is the history, because a workflow that can't run any more can't answer a query.
    """
    last, asked = LastRun(), dict[str, ExternalEvent]()
    async for event in client.get_workflow_handle(workflow_id(order_id)).fetch_history_events():
        await _inherit(client, event, last)
        await _accept(client, event, last, asked)
        done = event.workflow_execution_update_completed_event_attributes
        # The first accepted event decides. The workflow refuses later events, so their updates have no success.
        if done.outcome.HasField("success") and last.event is None:
            last.event = asked.get(done.meta.update_id)
    return last


async def _inherit(client: Client, event: HistoryEvent, last: LastRun) -> None:
    started = event.workflow_execution_started_event_attributes
    if started.workflow_type.name == RECOVERY_WORKFLOW:
        [lost] = await client.data_converter.decode(started.input.payloads, [LostOrder])
        last.resolved, last.event = dict(lost.resolved), lost.event


async def _accept(client: Client, event: HistoryEvent, last: LastRun, asked: dict[str, ExternalEvent]) -> None:
    accepted = event.workflow_execution_update_accepted_event_attributes.accepted_request
    if accepted.input.name == "resolve":
        [command] = await client.data_converter.decode(accepted.input.args.payloads, [Resolve])
        if command.verb in {"skip", "waive"}:
            last.resolved[command.step] = command.verb
    elif accepted.input.name == "deliver_event":
        [asked[accepted.meta.update_id]] = await client.data_converter.decode(
            accepted.input.args.payloads, [ExternalEvent]
        )
