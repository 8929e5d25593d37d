"""Ctrl-C while a command waits for what comes of it says that it was accepted, and what follows the process."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from io import StringIO
from types import ModuleType
from typing import Any

import pytest
from rich.console import Console

from cli.exits import Code, CommandEnded
from cli.operate import dead_letters, resolve, resolve_all
from cli.orders import cancel
from cli.output import Output
from cli.slips import slip
from client.resolving import ParkedFilter, ParkedStep, Selection
from models.commands import CancelOrder, CommandAccepted, Resolve
from models.slips.slip import Review, SlipCommandAccepted

STEP = ParkedStep(process_id="order-o-1", step="charge", direction="undo", failure="down")
RETRY = Resolve(step="charge", verb="retry", actor="a", reason="r")
REVIEW = Review(stop="hold", verdict="approve", actor="a", reason="r")


class Held:
    """A client whose processes have accepted a command, and don't come to rest."""

    def __init__(self) -> None:
        self.waits = asyncio.Event()

    @property
    def slips(self) -> "Held":
        return self

    @property
    def dead_letters(self) -> "Held":
        return self

    def tell_outages(self, *_: Any) -> None:
        pass

    async def cancel(self, *_: Any) -> CommandAccepted:
        return CommandAccepted(order_id="o-1", status="running")

    resolve = cancel

    async def review(self, *_: Any) -> SlipCommandAccepted:
        return SlipCommandAccepted(slip_id="s-1", status="waiting", version=1)

    async def settled(self, *_: Any) -> None:
        self.waits.set()
        await asyncio.Event().wait()

    async def parked_steps(self, *_: Any) -> Selection:
        return Selection([STEP])

    async def resolve_each(self, *_: Any) -> AsyncIterator[Any]:
        await self.settled()
        yield

    async def chosen(self, *_: Any) -> list[int]:
        return [17]

    async def count_open(self, *_: Any) -> int:
        return 1

    async def many(self, *_: Any) -> None:
        await self.settled()


async def redriving(held: Held) -> Held:
    return held


Command = Callable[[Output], Awaitable[None]]
COMMANDS: dict[str, tuple[ModuleType, Command, str]] = {
    "cancel": (
        cancel,
        lambda output: cancel._cancel("o-1", CancelOrder(reason="r"), 60, output),
        "order o-1: cancel accepted; `python starter.py watch o-1` follows it",
    ),
    "resolve": (
        resolve,
        lambda output: resolve._resolve("o-1", RETRY, 60, output),
        "order o-1: retry charge accepted; `python starter.py watch o-1` follows it",
    ),
    "review": (
        slip,
        lambda output: slip._review("s-1", REVIEW, 60, output),
        "slip s-1: approve accepted at hold; `python starter.py watch slips/s-1` follows it",
    ),
    "resolve-all": (
        resolve_all,
        lambda output: resolve_all._resolve(ParkedFilter("charge"), RETRY, 10, 60, None, output),
        "the accepted decisions go on; the same command decides on the rest",
    ),
    "redrive": (
        dead_letters,
        lambda output: dead_letters._redrive([17], None, 10, "a", "r", output),
        "five minutes",
    ),
}


@pytest.mark.parametrize("name", COMMANDS)
async def test_ctrl_c_says_what_goes_on(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, run, says = COMMANDS[name]
    held, written = Held(), StringIO()

    @asynccontextmanager
    async def connected() -> AsyncIterator[Held]:
        yield held

    monkeypatch.setattr(module, "connect", connected)
    monkeypatch.setattr(dead_letters, "_redriving", redriving)
    running = asyncio.ensure_future(run(Output(notes=Console(file=written, width=200))))
    waits = asyncio.ensure_future(held.waits.wait())
    await asyncio.wait([waits, running], return_when=asyncio.FIRST_COMPLETED)
    assert waits.done(), running
    running.cancel()

    with pytest.raises(CommandEnded) as ended:
        await running
    assert ended.value.code is Code.INTERRUPTED
    assert says in written.getvalue()
