"""The operators of a run: they decide on parked effects and redrive dead letters, with the product's client."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from temporalio.service import RPCError

from client.commands import decision_id
from client.dead_letters import PARKED
from client.handles import Handle
from client.progress import state_of
from messaging.dead_letters.dead_letters import DeadLetters
from messaging.dead_letters.redrive import Redriving
from models.commands import CommandAccepted, Resolve
from models.dead_letters import RedriveResult
from models.errors import Unavailable
from models.names import SLIP_WORKFLOW, slip_process, slip_workflow_id, workflow_id
from models.process import OrderResult
from tests.faults.chaos.people.asking import Log
from tests.faults.chaos.processes.system import ChaosSystem
from worker import redriving

ACTOR = "operator-1"
SECONDS_BETWEEN_ROUNDS = 1.0

# The query of client/dead_letters.py, extended by the slips.
_PARKED = PARKED.replace(")", f", '{SLIP_WORKFLOW}')", 1)
_ENABLE_REFUNDS = b"update card_provider.entries set undo_failures = 0 where key = %(key)s returning key"


def order_of(name: str) -> str:
    """Return the id of a workflow's order, or of its slip as in keys: `slip.{slip_id}`."""
    slip = name.removeprefix(slip_workflow_id(""))
    return slip_process(slip) if slip != name else name.removeprefix(workflow_id(""))


@dataclass
class Operators:
    """The operators; `verbs`: order id → decision on a refund that fails permanently."""

    system: ChaosSystem
    log: Log
    verbs: Mapping[str, str]

    async def work(self) -> None:
        """Handle every parked effect and dead letter, again and again, until cancelled."""
        while True:
            for work in (self._resolve_all, self._redrive_letters):
                try:
                    await work()
                except (Unavailable, RPCError, TimeoutError) as error:
                    self.log.reasons[f"operators: {type(error).__name__}: {str(error)[:100]}"] += 1
            await asyncio.sleep(SECONDS_BETWEEN_ROUNDS)

    async def _resolve_all(self) -> None:
        parked = [run.id async for run in self.system.client.list_workflows(_PARKED)]
        for name in parked:
            await self._resolve(name)

    async def _resolve(self, name: str) -> None:
        order_id = order_of(name)
        run: Handle = self.system.client.get_workflow_handle(name, result_type=OrderResult)
        state = await state_of(run, timedelta(seconds=10))
        if state is None:
            raise Unavailable("no worker answers")
        for step in sorted({line.step for line in state.history if line.status == "parked"}):
            verb = self.verbs.get(order_id, "retry") if step == "charge" else "retry"
            await self._enable_refunds(order_id)
            command = Resolve.model_validate(
                {"step": step, "verb": verb, "actor": ACTOR, "reason": "the bank is back", "evidence": "letter 4711"}
            )
            decide = _Decision(run, command, decision_id(command, state))
            await self.log.ask("resolve", order_id, decide, f"{step} {verb}", patient=False)

    async def _enable_refunds(self, order_id: str) -> None:
        """Let the provider's refunds succeed from now on."""
        await self.system.db.rows(_ENABLE_REFUNDS, {"key": f"{order_id}:charge"})

    async def _redrive_letters(self) -> None:
        redrive = redriving(self.system.client, self.system.services)
        for letter in await DeadLetters(self.system.db).open():
            order_id = letter.correlation_id or letter.message_id
            await self._enable_refunds(order_id)
            await self.log.ask("redrive", order_id, _Redrive(redrive, letter.letter_id), letter.place, patient=False)


@dataclass(frozen=True)
class _Decision:
    """A decision with its own update id: a repeated call is the same decision."""

    run: Handle
    command: Resolve
    update_id: str

    async def __call__(self) -> CommandAccepted:
        accepted: CommandAccepted = await self.run.execute_update(
            "resolve", self.command, id=self.update_id, result_type=CommandAccepted
        )
        return accepted


@dataclass(frozen=True)
class _Redrive:
    redrive: Redriving
    letter_id: int

    async def __call__(self) -> RedriveResult:
        return await self.redrive.one(self.letter_id, ACTOR, "the provider works again")
