"""The side of a benchmark that places orders: it takes commands on stdin and answers on stdout, in lines of JSON.

Needs nothing but the standard library, because it runs in the environment of every system that is compared.
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

# How an order of each kind must end; one that ends otherwise makes the whole run void.
ENDS = {"ok": "completed", "refused": "undone"}

# On a very busy machine a window stays open until so many orders have ended, if that takes not much longer.
FEWEST, PATIENCE = 5, 60.0

Place = Callable[[str, str], Awaitable[str]]
Find = Callable[[str], Awaitable[str]]


def order_of(order_id: str, kind: str) -> dict[str, Any]:
    """Return the order that every system is given: one article, spread over twenty; `refused` by the carrier."""
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
    """The time in which orders that end are counted: their number, and how long each of them took."""

    opened: float = 0.0
    closed: float = 0.0
    milliseconds: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    enough: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self, order_id: str, ended: str, kind: str, began: float) -> None:
        """Take down an order that has ended now."""
        if ended != ENDS[kind]:
            self.wrong.append(f"{order_id} ended as {ended}")
        elif self.opened and not self.closed:
            self.milliseconds.append((time.monotonic() - began) * 1000)
            if len(self.milliseconds) == FEWEST:
                self.enough.set()


class Load:
    """Places orders as it is told, by what a system gives it: `place` an order, `find` one that was placed before."""

    def __init__(self, place: Place, find: Find | None = None) -> None:
        self._place, self._find = place, find
        self._todo: dict[str, Callable[..., Awaitable[dict[str, Any]]]] = {
            "run": self._run,
            "batch": self._batch,
            "crowd": self._crowd,
            "find": self._find_all,
        }
        # Libraries print to stdout, too; what was stdout is for our answers alone.
        self._answers = os.fdopen(os.dup(1), "w", buffering=1)
        os.dup2(2, 1)

    async def serve(self) -> None:
        """Do what the lines of stdin say, until it ends, which ends the process."""
        self._say(event="ready")
        while line := await asyncio.to_thread(sys.stdin.readline):
            command = json.loads(line)
            done = await self._todo[command.pop("do")](**command)
            self._say(event="done", **done)
        os._exit(0)  # threads of a library may outlive the interpreter

    def _say(self, **answer: Any) -> None:
        self._answers.write(json.dumps(answer) + "\n")

    async def _run(self, prefix: str, kind: str, in_flight: int, warm: float, seconds: float) -> dict[str, Any]:
        """Keep that many orders in flight; once warm, count those that end within the seconds."""
        window, numbers = Window(), itertools.count()

        async def keep_placing() -> None:
            while not window.closed:
                order_id, began = f"{prefix}-{next(numbers)}", time.monotonic()
                window.note(order_id, await self._place(order_id, kind), kind, began)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(in_flight):
                tasks.create_task(keep_placing())
            await asyncio.sleep(warm)
            self._say(event="opened")
            window.opened = time.monotonic()
            await asyncio.sleep(seconds)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(window.enough.wait(), PATIENCE)
            window.closed = time.monotonic()
            self._say(event="closed")
        return {
            "seconds": window.closed - window.opened,
            "milliseconds": window.milliseconds,
            "placed": next(numbers),
            "wrong": window.wrong,
        }

    async def _batch(self, prefix: str, orders: int, in_flight: int) -> dict[str, Any]:
        """Place that many orders, so many at a time, and count them all."""
        window, numbers = Window(opened=time.monotonic()), iter(range(orders))

        async def keep_placing() -> None:
            for number in numbers:
                order_id, began = f"{prefix}-{number}", time.monotonic()
                window.note(order_id, await self._place(order_id, "ok"), "ok", began)

        self._say(event="opened")
        async with asyncio.TaskGroup() as tasks:
            for _ in range(in_flight):
                tasks.create_task(keep_placing())
        seconds = time.monotonic() - window.opened
        self._say(event="closed")
        return {"seconds": seconds, "milliseconds": window.milliseconds, "placed": orders, "wrong": window.wrong}

    async def _crowd(self, order_ids: list[str]) -> dict[str, Any]:
        """Place all of these orders at once, and tell when each of them ended."""
        window = Window()

        async def place(order_id: str) -> None:
            window.note(order_id, await self._place(order_id, "ok"), "ok", 0)
            self._say(event="ended", order_id=order_id, at=time.monotonic())

        async with asyncio.TaskGroup() as tasks:
            for order_id in order_ids:
                tasks.create_task(place(order_id))
        return {"wrong": window.wrong}

    async def _find_all(self, order_ids: list[str]) -> dict[str, Any]:
        """Wait for the ends of orders that another process placed, or was to place, before it died."""
        find, window = self._find, Window()
        if find is None:
            raise TypeError("this system's orders are found by whoever placed them")

        async def wait(order_id: str) -> None:
            window.note(order_id, await find(order_id), "ok", 0)

        async with asyncio.TaskGroup() as tasks:
            for order_id in order_ids:
                tasks.create_task(wait(order_id))
        return {"wrong": window.wrong}
