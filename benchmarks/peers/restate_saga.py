"""The order saga on Restate, after the sagas guide of its documentation; served by Hypercorn, as there.

Run as a program, this file is the starter: it places orders with the SDK's client at the given ingress.
"""

import asyncio
import contextlib
import os
import sys
from pathlib import Path
from typing import Any

import httpx
import restate
import uvloop
from psycopg_pool import AsyncConnectionPool
from restate.exceptions import TerminalError

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from benchmarks.measuring.load import Load, order_of
from benchmarks.peers import statements

Order = dict[str, Any]
order_saga = restate.Service("OrderSaga")
pool = AsyncConnectionPool(os.environ.get("DATABASE", ""), min_size=2, max_size=10, open=False)


async def write(step: str, order: Order) -> str:
    """Write the effect of one step, once."""
    await pool.open()  # the SDK's app has no hook for its start
    if step == "ship" and order["ship_to"]["postcode"] == "00000":
        raise TerminalError("the carrier refuses the order")
    return await statements.write_once(pool, step, order)


@order_saga.handler()
async def run(ctx: restate.Context, order: Order) -> str:
    """Reserve, charge, ship; on a terminal error the undos, in reverse."""
    undos: list[str] = []
    try:
        for do, undo in (("reserve", "release"), ("charge", "refund"), ("ship", None)):
            if undo:
                undos.append(undo)
            await ctx.run_typed(do, write, step=do, order=order)
    except TerminalError:
        for undo in reversed(undos):
            await ctx.run_typed(undo, write, step=undo, order=order)
        return "undone"
    return "completed"


app = restate.app([order_saga])


async def main(ingress: str) -> None:
    """Place orders on command, each with its id as the idempotency key."""
    async with restate.create_client(ingress) as client:

        async def place(order_id: str, kind: str) -> str:
            while True:
                with contextlib.suppress(httpx.TimeoutException):  # the same key finds the run in progress
                    return await client.service_call(run, order_of(order_id, kind), idempotency_key=order_id)

        await Load(place).serve()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(sys.argv[1]))
