"""What a lost run knew and nobody else does: what people settled by hand, and the event that it had said yes to."""

from dataclasses import dataclass, field

from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client

from models.commands import Resolve, Verb
from models.external_events import ExternalEvent
from models.names import RECOVERY_WORKFLOW, workflow_id
from models.recovery import LostOrder


@dataclass
class Left:
    """What was settled must not be settled again, at somebody's cost; what has arrived must be booked or given back."""

    settled: dict[str, Verb] = field(default_factory=dict)
    heard: ExternalEvent | None = None


async def left_behind(client: Client, order_id: str) -> Left:
    """Return what the last run of an order left, and those that it recovered.

    Read from the history, event by event: a workflow that can't be run any more can't be asked.
    """
    left, asked = Left(), dict[str, ExternalEvent]()
    async for event in client.get_workflow_handle(workflow_id(order_id)).fetch_history_events():
        await _inherit(client, event, left)
        await _accept(client, event, left, asked)
        done = event.workflow_execution_update_completed_event_attributes
        # Only a yes counts, and the first one decided; who was told nothing will ask again, and be told no.
        if done.outcome.HasField("success") and left.heard is None:
            left.heard = asked.get(done.meta.update_id)
    return left


async def _inherit(client: Client, event: HistoryEvent, left: Left) -> None:
    started = event.workflow_execution_started_event_attributes
    if started.workflow_type.name == RECOVERY_WORKFLOW:
        [lost] = await client.data_converter.decode(started.input.payloads, [LostOrder])
        left.settled, left.heard = dict(lost.settled), lost.heard


async def _accept(client: Client, event: HistoryEvent, left: Left, asked: dict[str, ExternalEvent]) -> None:
    accepted = event.workflow_execution_update_accepted_event_attributes.accepted_request
    if accepted.input.name == "resolve":
        [command] = await client.data_converter.decode(accepted.input.args.payloads, [Resolve])
        if command.verb in {"skip", "waive"}:
            left.settled[command.step] = command.verb
    elif accepted.input.name == "deliver_event":
        [asked[accepted.meta.update_id]] = await client.data_converter.decode(
            accepted.input.args.payloads, [ExternalEvent]
        )
