"""Record the missing golden histories: `python -m tests.record_histories [NAME ...]`, of all plays without a name.

Existing files are never overwritten.
"""

import argparse
import asyncio
import json
import re
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowHandle

from client.commands import deliver
from models.commands import CancelOrder, CommandAccepted, Resolve
from models.external_events import ExternalEvent
from models.names import RECONCILER_WORKFLOW, TASK_QUEUE
from models.process import Status
from models.recovery import Reconcile, Reconciled
from models.slips.slip import SlipResult
from tests.orders.scenarios import EXPRESS, SCENARIOS, Scenario
from tests.orders.waiting.transfers import early, failed, settled, transfer_order, waiting
from tests.servers import own_stack, run_folder, started
from tests.slips.conftest import result_of as slip_result_of
from tests.slips.conftest import start as start_slip
from tests.slips.conftest import waiting as waiting_slip
from tests.slips.plays import PLAYS as SLIP_PLAYS
from tests.slips.slips import slip
from tests.systems import System, open_system, result_of
from tests.upkeep.conftest import blocked, lock_awaited, reconcile, step_reached
from tests.upkeep.plays import PLAYS as RECOVERY_PLAYS
from worker import orders_worker

FOLDER = Path(__file__).parent / "histories"
AT_ONCE = 3
Play = Callable[[System], Awaitable[WorkflowHandle[Any, Any]]]


def ending(scenario: Scenario) -> Play:
    """Return the play of an order that ends without commands or events."""

    async def play(system: System) -> WorkflowHandle[Any, Any]:
        handle = await system.start(scenario.order())
        await result_of(handle)
        return handle

    return play


async def until(system: System, handle: WorkflowHandle[Any, Any], status: Status) -> None:
    """Wait until an order has a status."""
    while (await system.state(handle)).status is not status:
        await asyncio.sleep(0.2)


async def cancelled(system: System, *, express: bool = False) -> WorkflowHandle[Any, Any]:
    """Play an order that its customer cancels by update while the charge hangs."""
    handle = await system.start(Scenario("cancelled", token="tok_lost_after", express=express).order())
    while "charge" not in [line.step for line in (await system.state(handle)).history]:
        await asyncio.sleep(0.1)
    command = CancelOrder(reason="changed my mind", actor="c-7")
    await handle.execute_update("cancel_order", command, result_type=CommandAccepted)
    await result_of(handle)
    return handle


async def cancelled_natively(system: System) -> WorkflowHandle[Any, Any]:
    """Play an order that Temporal's own cancel request stops between two attempts."""
    handle = await system.start(Scenario("native", token="tok_flaky_3").order())
    while "charge" not in [line.step for line in (await system.state(handle)).history]:
        await asyncio.sleep(0.1)
    await handle.cancel()
    await result_of(handle)
    return handle


def resolved(verb: str) -> Play:
    """Return the play of an order whose refund fails permanently, until an operator decides."""

    async def play(system: System) -> WorkflowHandle[Any, Any]:
        handle = await system.start(Scenario(verb, token="tok_refund_fails", postcode="00000").order())
        await until(system, handle, Status.NEEDS_ATTENTION)
        evidence = "bank statement 17" if verb == "skip" else None
        decision = Resolve(step="charge", verb=verb, actor="ann", reason="by hand", evidence=evidence)  # type: ignore[arg-type]
        await handle.execute_update("resolve", decision, result_type=CommandAccepted)
        await result_of(handle)
        return handle

    return play


async def late(system: System) -> WorkflowHandle[Any, Any]:
    """Play an order that reaches its deadline."""
    handle = await system.start(Scenario("deadline", token="tok_lost_after").order(deadline_seconds=3))
    await result_of(handle)
    return handle


def notified(name: str, *events: ExternalEvent, deadline: int | None = None, **scenario: Any) -> Play:
    """Return the play of an order paid by transfer that waits and receives these events."""

    async def play(system: System) -> WorkflowHandle[Any, Any]:
        handle = await waiting(system, transfer_order(name, deadline, **scenario))
        for event in events:
            await deliver(handle, event)
        await result_of(handle)
        return handle

    return play


async def notified_early(system: System) -> WorkflowHandle[Any, Any]:
    """Play an order that is paid before its first step and whose stock is rejected."""
    order = transfer_order("paid-early", lines=(("SKU-1", 1), ("SKU-RARE", 2)))
    handle = await early(system, order, settled(amount=None))
    await result_of(handle)
    return handle


async def recovered(system: System) -> WorkflowHandle[Any, Any]:
    """Play an order whose workflow is terminated during the charge, so that a recovery undoes the order."""
    handle = await system.start(Scenario("recovered", token="tok_flaky_3").order())
    await step_reached(system, handle, "charge")
    await handle.terminate("by a test")
    return await _recovery_of(system, handle)


async def recovered_forward(system: System) -> WorkflowHandle[Any, Any]:
    """Play an order whose workflow is terminated after the shipment, so that a recovery completes the order."""
    async with blocked(system, "shipping.receipts"):
        handle = await system.start(Scenario("recovered-forward").order())
        await step_reached(system, handle, "ship")
        await lock_awaited(system)
        await handle.terminate("by a test")
    return await _recovery_of(system, handle)


async def recovered_slip(system: System) -> WorkflowHandle[Any, Any]:
    """Play a slip whose workflow is terminated while it waits, so that a recovery undoes its stops."""
    handle = await start_slip(system, slip("price", "reserve", "charge", "wrap", "hold"))
    await waiting_slip(handle)
    await handle.terminate("by a test")
    return await _recovery_of_slip(system, handle)


async def settled_slip(system: System) -> WorkflowHandle[Any, Any]:
    """Play a slip whose workflow is terminated after the shipment, so that a recovery settles its stops."""
    async with blocked(system, "shipping.receipts"):
        handle = await start_slip(system, slip("price", "reserve", "charge", "ship"))
        await step_reached(system, handle, "ship")
        await lock_awaited(system)
        await handle.terminate("by a test")
    return await _recovery_of_slip(system, handle)


async def _recovery_of_slip(system: System, handle: WorkflowHandle[Any, Any]) -> WorkflowHandle[Any, Any]:
    await reconcile(system)
    recovery = system.client.get_workflow_handle(handle.id, result_type=SlipResult)
    await slip_result_of(recovery)
    return recovery


async def _recovery_of(system: System, handle: WorkflowHandle[Any, Any]) -> WorkflowHandle[Any, Any]:
    await reconcile(system)
    recovery = system.client.get_workflow_handle(handle.id)
    await result_of(recovery)
    return recovery


async def reconciled(system: System) -> WorkflowHandle[Any, Any]:
    """Play one round of the reconciler."""
    round_id = "reconcile-once"
    await system.client.execute_workflow(
        RECONCILER_WORKFLOW, Reconcile(grace_seconds=0), id=round_id, task_queue=TASK_QUEUE, result_type=Reconciled
    )
    return system.client.get_workflow_handle(round_id)


async def cancelled_waiting(system: System) -> WorkflowHandle[Any, Any]:
    """Play an order that is cancelled while it waits for its transfer."""
    handle = await waiting(system, transfer_order("cancelled-waiting"))
    await handle.execute_update("cancel_order", CancelOrder(reason="changed my mind"), result_type=CommandAccepted)
    await result_of(handle)
    return handle


PLAYS: dict[str, Play] = (
    {scenario.name: ending(scenario) for scenario in [*SCENARIOS, *EXPRESS]}
    | {
        "cancelled": cancelled,
        "express-cancelled": partial(cancelled, express=True),
        "cancelled-natively": cancelled_natively,
        "parked-skipped": resolved("skip"),
        "parked-waived": resolved("waive"),
        "deadline": late,
        "transfer-settled": notified("settled", settled()),
        "transfer-failed": notified("failed", failed()),
        "transfer-returned": notified("returned", settled(), postcode="00000"),
        "transfer-never": notified("never", deadline=2),
        "transfer-early": notified_early,
        "transfer-cancelled": cancelled_waiting,
        "recovered": recovered,
        "recovered-forward": recovered_forward,
        "recovered-by-id": recovered,
        "recovered-forward-by-id": recovered_forward,
        "slip-recovered": recovered_slip,
        "slip-recovered-forward": settled_slip,
        "reconciled": reconciled,
    }
    | SLIP_PLAYS
    | RECOVERY_PLAYS
)
# Played again since a recovery asks each service by itself.
PLAYS |= {f"{name}-asking": PLAYS[name] for name in ("slip-recovered", "slip-recovered-forward")}
# Played again since each service settles its effect by itself.
PLAYS |= {
    f"{name}-settled-by-each": PLAYS[name]
    for name in (
        *("completed", "declined", "carrier-refuses", "carrier-flaky", "carrier-gone", "lost-after", "cancelled"),
        *("express-completed", "express-declined", "express-carrier-refuses", "express-carrier-flaky"),
        *("express-cancelled", "parked-skipped", "deadline", "transfer-settled", "transfer-returned"),
        *("recovered", "recovered-forward", "slip-recovered", "slip-recovered-forward"),
        *("slip-gift", "slip-gift-refused", "slip-digital-goods", "slip-pre-order", "slip-fraud-check"),
        *("slip-terminated", "slip-revised", "slip-cancelled"),
    )
}


async def record(system: System, name: str, play: Play) -> None:
    """Play one history and write it to its file, without host and process names."""
    handle = await play(system)
    text = (await handle.fetch_history()).to_json()
    text = re.sub(r'"identity": "[^"]*"', '"identity": "worker"', text)
    text = re.sub(r'"name": "[0-9]+@[^"]*"', '"name": "sticky"', text)  # of a sticky task queue
    text = re.sub(r'"stackTrace": "(?:[^"\\]|\\.)*"', '"stackTrace": ""', text)
    (FOLDER / f"{name}.json").write_text(json.dumps(json.loads(text), indent=1, sort_keys=True) + "\n")
    sys.stderr.write(f"{name}\n")


async def main() -> None:
    """Record the missing histories, those of the command line or all; some at a time: a play may lock a table."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(system: System, name: str, play: Play) -> None:
        async with gate:
            await record(system, name, play)

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name", nargs="*", help="a history to record; by default all missing ones")
    names: list[str] = parser.parse_args().name
    if unknown := [name for name in names if name not in PLAYS]:
        parser.error(f"{', '.join(unknown)}: no such history")
    wanted = {name: PLAYS[name] for name in names} or PLAYS
    missing = {name: play for name, play in wanted.items() if not (FOLDER / f"{name}.json").exists()}
    with run_folder(), own_stack() as settings:
        async with (
            started(settings) as stack,
            open_system(stack) as system,
            orders_worker(system.client, system.stack.database_url, system.settings),
        ):
            await asyncio.gather(*(one(system, name, play) for name, play in missing.items()))


if __name__ == "__main__":
    asyncio.run(main())
