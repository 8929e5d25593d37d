"""Requests of people during a case: a client cancels, an operator decides, a bank reports a transfer."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from temporalio.client import WorkflowUpdateStage
from temporalio.service import RPCError

from messaging.dead_letters.dead_letters import DeadLetters
from messaging.trace.undelivered import CHANNEL
from models.commands import CancelOrder, CommandAccepted, Resolve
from models.dead_letters import RedriveResult
from models.errors import Unavailable
from models.external_events import EventAccepted, ExternalEvent
from models.names import workflow_id
from models.process import ProcessState, Status
from worker import redriving

if TYPE_CHECKING:
    from tests.faults.explorer.play.playing import Play

SECONDS_BETWEEN_LOOKS = 0.3
CANCEL = CancelOrder(reason="changed my mind", actor="explorer")


async def cancel(play: "Play") -> None:
    """Cancel the order as the case demands."""
    if play.case.fault == "cancel-update":
        await cancel_by_update(play)
        return
    async with play.scene.asking("request_cancel", play.order.order_id):
        await play.handle.cancel()


async def cancel_by_update(play: "Play") -> None:
    """Cancel the order by an update, which is answered after its step was released."""
    async with play.scene.asking("cancel", play.order.order_id):
        accepted = WorkflowUpdateStage.ACCEPTED
        asked = await play.handle.start_update(
            "cancel_order", CANCEL, wait_for_stage=accepted, result_type=CommandAccepted
        )
        play.resume()
        await asked.result()


async def terminate(play: "Play") -> None:
    """Terminate the workflow or the delivery: no product code runs then."""
    async with play.scene.asking("terminate", play.order.order_id):
        if play.case.step.style == "orchestrated":
            await play.handle.terminate("explorer")
            return
        rule = play.case.rule
        assert rule is not None
        hit = play.scene.notes.read(rule.name, "hit") or {}
        await play.scene.system.client.get_activity_handle(hit["activity_id"]).terminate(reason="explorer")


async def operate(play: "Play") -> None:
    """Retry every parked effect and dead delivery, after the fault was lifted."""
    case, rule = play.case, play.case.rule
    if case.step.stage == "aside" and rule is not None:
        await play.scene.notes.until(rule.name, "hit")
    while True:
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
        # A fault in the alert itself leaves no alert in the table.
        if play.order.order_id in play.scene.waiting or case.step.stage == "aside":
            await (_redrive(play) if case.step.style == "choreographed" else _resolve(play))


async def _redrive(play: "Play") -> None:
    process_id = workflow_id(play.order.order_id)
    for letter in await DeadLetters(play.scene.databases.orders).of_process(process_id, CHANNEL):
        _lift_fault(play)
        redrive = redriving(play.scene.system.client, play.scene.system.services)
        with suppress(Unavailable):  # a running delivery holds the letter: retried at the next poll
            async with play.scene.asking("redrive", play.order.order_id, letter.place):
                await _to_its_end(redrive.one(letter.letter_id, "explorer", "put right"))


async def _to_its_end(redrive: Coroutine[Any, Any, RedriveResult]) -> None:
    """Wait for a redrive, also when the case ends meanwhile: an interrupted one would hold its letter for minutes."""
    running = asyncio.ensure_future(redrive)
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        await running
        raise


async def _resolve(play: "Play") -> None:
    state = await _state(play)
    if state is None:
        return
    if state.status is not Status.NEEDS_ATTENTION:
        return
    _lift_fault(play)
    for step in {line.step for line in state.history if line.status == "parked"}:
        command = Resolve(step=step, verb="retry", actor="explorer", reason="put right")
        async with play.scene.asking("resolve", play.order.order_id, f"{step} retry"):
            await play.handle.execute_update("resolve", command, result_type=CommandAccepted)


def _lift_fault(play: "Play") -> None:
    if play.case.rule is not None and play.case.rule.always:
        play.scene.notes.first(play.case.rule.name, "lifted")


async def _state(play: "Play") -> ProcessState | None:
    try:
        state: ProcessState = await play.handle.query("state", result_type=ProcessState)
    except RPCError:
        return None  # the worker has died; another one will answer
    return state


async def pay(play: "Play") -> None:
    """Report the transfer as settled, once the order expects it."""
    if not play.case.path.transfer:
        return
    query = b"select true from payments.transfers where order_id = %(id)s"
    while not await play.scene.db.row(query, {"id": play.order.order_id}):
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
    event = ExternalEvent(event_id=f"{play.order.order_id[:60]}-e", type="payment_settled", payload={})
    while not any(asked.op == "deliver" and asked.answer != "unknown" for asked in play.scene.asked_of(play.order)):
        async with play.scene.asking("deliver", play.order.order_id, event.type):
            await play.handle.execute_update("deliver_event", event, id=event.event_id, result_type=EventAccepted)
