"""One side of `benchmarks.against`: a system of one checkout, which takes a turn on command, in lines of JSON.

It runs in the environment of the checkout and imports that checkout's modules, so it uses only what earlier commits
have, too.
"""

import asyncio
import json
import sys
from typing import Any

from benchmarks.contestants.contestant import chosen
from benchmarks.contestants.field import FIELD
from benchmarks.measuring import stage
from benchmarks.measuring.turns import Turn, TurnPlan


def answer(event: str, **more: Any) -> None:
    """Print an answer."""
    print(json.dumps({"event": event, **more}), flush=True)


async def serve(name: str) -> None:
    """Run a system until the command `end`; then check its database, stop everything, and answer."""
    (one,) = chosen(FIELD, [name], [])
    async with stage.opened() as opened:
        await one.prepare(opened)
        completed = 0
        async with one.running(opened) as running:
            answer("ready")
            while (command := json.loads(await asyncio.to_thread(sys.stdin.readline)))["do"] != "end":
                turn = Turn(one, command["round"], TurnPlan())
                await turn.take_batch(running, command["orders"])
                completed += command["orders"]
                answer("done", wrong=[], turn=turn.taken)
        one.check(opened, completed)
    answer("done", wrong=[])


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
