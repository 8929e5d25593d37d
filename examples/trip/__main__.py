"""Book trips. While `make up` runs: python -m examples.trip book Lyon; with --help for the other commands.

Each command runs a worker while it lasts, so that one process is enough. Exit codes: 0 completed, 3 not completed,
4 no Temporal server, 5 no such trip, 6 refused.
"""

import argparse
import asyncio
import getpass
import os
import re
import secrets
import shlex
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.common import WorkflowIDReusePolicy
from temporalio.envconfig import ClientConfig
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from examples.trip.messages import Decision, Trip
from examples.trip.worker import TASK_QUEUE, trip_worker
from examples.trip.workflow import TripWorkflow

Handle = WorkflowHandle[Any, Any]
TRIP_WORKFLOW = "TripWorkflow"
STORE = Path(".data/trips.db")
HELP = """\
{id} waits for a decision on: {parked}. One of:
  {resolve} retry --reason "the hotel agreed to refund"
  {resolve} skip --evidence "refund 4711" --reason "settled by phone"
  {resolve} waive --reason "we bear the loss\""""


async def book(client: Client, given: argparse.Namespace) -> int:
    """Book a trip, once for each id, and follow it."""
    trip = Trip(given.city, given.hotel)
    try:
        handle = await client.start_workflow(
            TripWorkflow.run,
            trip,
            id=given.id or new_id(given.city),
            task_queue=TASK_QUEUE,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            static_summary=f"{trip.hotel}, and a flight to {trip.city}",
        )
    except WorkflowAlreadyStartedError:
        handle = await trip_of(client, given.id)
    print(plain(f"trip {handle.id}"), flush=True)
    return await follow(handle, given.store)


async def show(client: Client, given: argparse.Namespace) -> int:
    """Follow a trip that was booked before."""
    return await follow(await trip_of(client, given.id), given.store)


async def resolve(client: Client, given: argparse.Namespace) -> int:
    """Decide on a parked step, and follow the trip."""
    handle = await trip_of(client, given.id)
    decision = Decision(given.step, given.verb, given.actor, given.reason, given.evidence)
    await handle.execute_update(TripWorkflow.resolve, decision)
    return await follow(handle, given.store)


async def cancel(client: Client, given: argparse.Namespace) -> int:
    """Cancel a trip before its flight is booked, and follow it."""
    handle = await trip_of(client, given.id)
    await handle.execute_update(TripWorkflow.cancel, f"{given.actor}: {given.reason}")
    return await follow(handle, given.store)


async def trip_of(client: Client, trip: str) -> Handle:
    """Return the run of a trip; raise LookupError for the id of another workflow."""
    handle = client.get_workflow_handle(trip)
    if (await handle.describe()).workflow_type != TRIP_WORKFLOW:
        raise LookupError(f"{trip} is not a trip")
    return handle


async def follow(handle: Handle, store: Path) -> int:
    """Print each new step until the trip has ended, or waits for a decision; return the exit code."""
    seen = 0
    while True:
        ended = (await handle.describe()).close_time  # before the state, which is then the last one
        state = await handle.query(TripWorkflow.state)
        ready = [step for step in state["steps"] if not step.endswith(" pending")]
        for step in ready[seen:]:
            print(f"  {plain(step)}", flush=True)
        seen = max(seen, len(ready))
        if state["status"] == "needs_attention":
            resolve = command(store, "resolve", handle.id, next(iter(state["parked"])))
            print(HELP.format(id=plain(handle.id), parked=plain(str(state["parked"])), resolve=plain(resolve)))
            return 3
        if ended:
            print(plain(f"{handle.id}: {state['status']} {state['reason']}").rstrip())
            return 0 if state["status"] == "completed" else 3
        await asyncio.sleep(0.2)


def plain(text: str) -> str:
    """Return a text without control characters: another program may have started the workflow of an id."""
    return "".join(c if c.isprintable() else "?" for c in text)


def command(store: Path, *words: str) -> str:
    """Return a command that a shell runs as it is printed, on the same store."""
    where = () if store == STORE else ("--store", str(store))
    return shlex.join(("python", "-m", "examples.trip", *where, *words))


COMMANDS: dict[str, Callable[[Client, argparse.Namespace], Awaitable[int]]] = {
    "book": book,
    "show": show,
    "resolve": resolve,
    "cancel": cancel,
}


def new_id(city: str) -> str:
    """Return the id of a new trip, which a shell takes as one word."""
    words = "-".join(re.findall("[a-z0-9]+", city.lower()))[:30]
    return f"trip-{words}-{secrets.token_hex(3)}"


def user() -> str:
    """Return the user who is logged in, empty without a name, which the workflow refuses as an actor."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def arguments() -> argparse.Namespace:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(prog="python -m examples.trip", description="Book trips, as sagas.")
    parser.add_argument("--store", type=Path, default=STORE, help="the file of the bookings")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, called in COMMANDS.items():
        one = commands.add_parser(name, help=called.__doc__)
        one.add_argument("city" if name == "book" else "id")
        if name == "book":
            one.add_argument("--hotel", default="Grand Hotel", help="Budget Inn refunds nothing: its undo is parked")
            one.add_argument("--id", help="the trip's id; the same id again books nothing")
        if name == "resolve":
            one.add_argument("step")
            one.add_argument("verb", choices=["retry", "skip", "waive"])
            one.add_argument("--evidence", default="", help="the proof that the step was settled by hand")
        if name in {"resolve", "cancel"}:
            one.add_argument("--reason", required=True)
            one.add_argument("--actor", default=user())
    return parser.parse_args()


async def main(given: argparse.Namespace) -> int:
    """Run a command beside a worker; return the exit code."""
    config = ClientConfig.load_client_connect_config()
    config.setdefault("target_host", "localhost:7233")
    try:
        client = await Client.connect(**config)
    except RuntimeError:
        print(
            f"error: no Temporal server answers at {config['target_host']}; start one with `make up`", file=sys.stderr
        )
        return 4
    async with trip_worker(client, given.store):
        try:
            return await COMMANDS[given.command](client, given)
        except WorkflowUpdateFailedError as refused:
            print(plain(f"refused: {getattr(refused.cause, 'message', refused.cause)}"), file=sys.stderr)
            return 6
        except LookupError as error:
            print(plain(f"error: {error}"), file=sys.stderr)
            return 5
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                print(plain(f"error: Temporal does not answer; the trip goes on: {error.message}"), file=sys.stderr)
                return 4
            print(plain(f"error: {given.id} does not exist, or has ended"), file=sys.stderr)
            return 5


if __name__ == "__main__":
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.reconfigure(errors="replace")  # a city may have letters that the output's encoding doesn't have
    try:
        code = asyncio.run(main(arguments()))
    except KeyboardInterrupt:
        print("interrupted; the trip goes on as soon as a worker runs: `show` its id", file=sys.stderr)
        code = 130
    if sys.stdout:
        sys.stdout.flush()
    os._exit(code)  # not sys.exit: the SDK's threads can crash the interpreter's shutdown
