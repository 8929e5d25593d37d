"""`trace`: the events of a choreographed order as a tree: each event below its cause."""

from typing import Any

from rich.tree import Tree

from cli import intake, render
from cli.options import AsJson, OrderId
from cli.output import Output
from cli.run import run_to_end
from client.choreographed import ChoreographedStatus
from models.dead_letters import DeadLetter
from models.trace import TracedEvent
from orders import connect


def trace(order_id: OrderId, as_json: AsJson = False) -> None:
    """Draw the events of a choreographed order; exit code 5 when there is none with this id."""
    run_to_end(_trace(intake.process(order_id), Output(as_json)))


async def _trace(order: str, output: Output) -> None:
    async with connect() as orders:
        standing = await orders.choreographed.trace(order)
    document = {
        "order_id": standing.result.order_id,
        "events": [event_document(event) for event in standing.events],
        "tree": _branches(standing.events, None),
        "dead": [letter_document(letter) for letter in standing.letters],
    }
    output.answer(document, tree(standing))


def event_document(event: TracedEvent) -> dict[str, Any]:
    """Return an event for JSON."""
    return event.model_dump(mode="json")


def letter_document(letter: DeadLetter) -> dict[str, Any]:
    """Return a dead delivery for JSON: its letter, event, subscriber and cause."""
    event_id, _, subscriber = letter.message_id.partition(":")
    cause = f"{letter.error_type}: {letter.cause}"
    known = {"event_id": event_id, "subscriber": subscriber, "cause": cause, "attempts": letter.attempts}
    return known | {"letter_id": letter.letter_id}


def tree(standing: ChoreographedStatus) -> Tree:
    """Return the tree of events, each with its seconds since the first event and its dead deliveries."""
    drawn = Tree(render.cell(f"order {standing.result.order_id}"), guide_style="dim")
    branches: dict[str, Tree] = {}
    for event in standing.events:
        seconds = (event.at - standing.events[0].at).total_seconds()
        line = render.cell(f"{event.type} ").append(f"+{seconds:.2f} s", style="dim")
        if event.redrives:
            line.append(f" · redelivered ×{event.redrives}", style="yellow")
        for letter in map(letter_document, standing.letters):
            if letter["event_id"] == event.event_id:
                cause = render.cell(letter["cause"])
                line.append(f" · dead at {letter['subscriber']}: ", style="red").append_text(cause)
        branches[event.event_id] = branches.get(event.causation_id or "", drawn).add(line)
    return drawn


def _branches(events: list[TracedEvent], cause: str | None) -> list[dict[str, Any]]:
    """Return the events that an event caused, recursively; an event with an unknown cause is at the root."""
    known = {event.event_id for event in events}
    caused = [event for event in events if (event.causation_id if event.causation_id in known else None) == cause]
    return [
        {"event_id": event.event_id, "type": event.type, "caused": _branches(events, event.event_id)}
        for event in caused
    ]
