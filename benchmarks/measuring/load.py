"""The side of a benchmark that places orders: reads commands from stdin and answers on stdout, in lines of JSON.

Uses only the standard library, because it runs in the environment of every compared system.
"""

import asyncio
import contextlib
import itertools
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

# The end of an order by its kind; another end makes the whole run void.
ENDS = {"ok": "completed", "refused": "undone"}

# On a very busy machine a window stays open until FEWEST orders have ended, for at most PATIENCE more seconds.
FEWEST, PATIENCE = 5, 60.0

Place = Callable[[str, str], Awaitable[str]]
Find = Callable[[str], Awaitable[str]]


def order_of(order_id: str, kind: str) -> dict[str, Any]:
    """Return the order that every system gets: one of twenty articles; kind `refused` is refused by the carrier."""
    return {
        "order_id": order_id,
        "customer_id": "c-1",
        "currency": "EUR",
        "lines": [{"sku": f"SKU-{sum(order_id.encode()) % 20 + 1}", "quantity": 1}],
        "payment": {"method": "card", "token": "tok_ok"},
        "ship_to": {
            "name": "A. Customer",
            "street": "1 Main St",
            "city": "Lyon",
            "postcode": "00000" if kind == "refused" else "69001",
            "country": "FR",
        },
    }


@dataclass
class Window:
    """The time window in which ended orders are counted, with the latency of each."""

    opened: float = 0.0
    closed: float = 0.0
    milliseconds: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    enough: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self, order_id: str, ended: str, kind: str, began: float) -> None:
        """Record an order that has just ended."""
        if ended != ENDS[kind]:
            self.wrong.append(f"{order_id} ended as {ended}")
        elif self.opened and not self.closed:
            self.milliseconds.append((time.monotonic() - began) * 1000)
            if len(self.milliseconds) == FEWEST:
                self.enough.set()


class Load:
    """Places orders on command, by the functions of a system: `place` an order, `find` one that was placed before."""

    def __init__(self, place: Place, find: Find | None = None) -> None:
        self._place, self._find = place, find
        self._todo: dict[str, Callable[..., Awaitable[dict[str, Any]]]] = {
            "run": self._run,
            "batch": self._batch,
            "crowd": self._crowd,
            "find": self._find_all,
        }
        # Libraries print to stdout, too: redirect them to stderr, and keep the original stdout for the answers.
        self._answers = os.fdopen(os.dup(1), "w", buffering=1)
        os.dup2(2, 1)

    async def serve(self) -> None:
        """Carry out the commands of stdin until it ends, then end the process."""
        self._answer(event="ready")
        while line := await asyncio.to_thread(sys.stdin.readline):
            command = json.loads(line)
            done = await self._todo[command.pop("do")](**command)
            self._answer(event="done", **done)
        os._exit(0)  # threads of a library may outlive the interpreter

    def _answer(self, **answer: Any) -> None:
        self._answers.write(json.dumps(answer) + "\n")

    async def _run(self, prefix: str, kind: str, in_flight: int, warm: float, seconds: float) -> dict[str, Any]:
        """Keep `in_flight` orders running; after `warm` seconds, count those that end within `seconds`."""
        window, numbers = Window(), itertools.count()

        async def keep_placing() -> None:
            while not window.closed:
                order_id, began = f"{prefix}-{next(numbers)}", time.monotonic()
                window.note(order_id, await self._place(order_id, kind), kind, began)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(in_flight):
                tasks.create_task(keep_placing())
            await asyncio.sleep(warm)
            self._answer(event="opened")
            window.opened = time.monotonic()
            await asyncio.sleep(seconds)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(window.enough.wait(), PATIENCE)
            window.closed = time.monotonic()
            self._answer(event="closed")
        return {
            "seconds": window.closed - window.opened,
            "milliseconds": window.milliseconds,
            "placed": next(numbers),
            "wrong": window.wrong,
        }

    async def _batch(self, prefix: str, orders: int, in_flight: int) -> dict[str, Any]:
        """Place `orders` orders, `in_flight` at a time, and count them all."""
        window, numbers = Window(opened=time.monotonic()), iter(range(orders))

        async def keep_placing() -> None:
            for number in numbers:
                order_id, began = f"{prefix}-{number}", time.monotonic()
                window.note(order_id, await self._place(order_id, "ok"), "ok", began)

        self._answer(event="opened")
        async with asyncio.TaskGroup() as tasks:
            for _ in range(in_flight):
                tasks.create_task(keep_placing())
        seconds = time.monotonic() - window.opened
        self._answer(event="closed")
        return {"seconds": seconds, "milliseconds": window.milliseconds, "placed": orders, "wrong": window.wrong}

    async def _crowd(self, order_ids: list[str]) -> dict[str, Any]:
        """Place all of these orders at once, and report the end of each."""
        window = Window()

        async def place(order_id: str) -> None:
            window.note(order_id, await self._place(order_id, "ok"), "ok", 0)
            self._answer(event="ended", order_id=order_id, at=time.monotonic())

        async with asyncio.TaskGroup() as tasks:
            for order_id in order_ids:
                tasks.create_task(place(order_id))
        return {"wrong": window.wrong}

    async def _find_all(self, order_ids: list[str]) -> dict[str, Any]:
        """Wait for the ends of orders that another process placed, or was about to place, before it died."""
        find, window = self._find, Window()
        if find is None:
            raise TypeError("this system finds only the orders that it placed in this process")

        async def wait(order_id: str) -> None:
            window.note(order_id, await find(order_id), "ok", 0)

        async with asyncio.TaskGroup() as tasks:
            for order_id in order_ids:
                tasks.create_task(wait(order_id))
        return {"wrong": window.wrong}
