"""The order saga on DBOS, as in its documentation: the starter, the workflow and its steps in one process.

With `--writes datasource` a step is a transaction of a datasource, which DBOS recommends for database work: the
effect and DBOS's own record of the step commit together. With `--writes step` it is an ordinary step, whose
transaction writes the effect and an idempotency key.
"""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvloop
from dbos import DBOS, AsyncSQLAlchemyDatasource, SetWorkflowID
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import text

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from benchmarks.measuring.load import Load, order_of
from benchmarks.peers import statements

Order = dict[str, Any]
Step = Callable[[Order], Awaitable[str]]


class Refused(Exception):
    """The carrier refuses the order."""


def datasource_steps(source: AsyncSQLAlchemyDatasource) -> dict[str, Step]:
    """Return the steps as transactions of a datasource."""

    def step(name: str, sql: str) -> Step:
        statement = text(sql.replace("%(", ":").replace(")s", ""))

        async def write(order: Order) -> str:
            if name == "ship" and order["ship_to"]["postcode"] == "00000":
                raise Refused(order["order_id"])
            await source.sql_session().execute(statement, statements.values_of(order))
            return "done"

        write.__name__ = write.__qualname__ = name
        # Every statement here is correct at this level, which avoids the retries of the default, SERIALIZABLE.
        return source.transaction(name=name, isolation_level="READ COMMITTED")(write)

    return {name: step(name, sql) for name, sql in statements.EFFECTS.items()}


def plain_steps(pool: AsyncConnectionPool) -> dict[str, Step]:
    """Return the steps as ordinary steps, each with an idempotency key."""

    def step(name: str) -> Step:
        async def write(order: Order) -> str:
            if name == "ship" and order["ship_to"]["postcode"] == "00000":
                raise Refused(order["order_id"])
            return await statements.write_once(pool, name, order)

        write.__name__ = write.__qualname__ = name
        return DBOS.step(name=name)(write)

    return {name: step(name) for name in statements.EFFECTS}


def saga_of(steps: dict[str, Step]) -> Step:
    """Return the workflow: each undo remembered before its do, and run in reverse when a step fails."""

    @DBOS.workflow(name="order")
    async def order_saga(order: Order) -> str:
        undos: list[Step] = []
        try:
            for do, undo in (("reserve", "release"), ("charge", "refund"), ("ship", None)):
                if undo:
                    undos.append(steps[undo])
                await steps[do](order)
        except Refused:
            for undo_step in reversed(undos):
                await undo_step(order)
            return "undone"
        return "completed"

    return order_saga


async def main() -> None:
    """Launch DBOS, which also continues workflows of a dead process, and place orders on command."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--system-database", required=True)
    parser.add_argument("--database", required=True)
    parser.add_argument("--writes", choices=("datasource", "step"), required=True)
    options = parser.parse_args()
    DBOS(config={"name": "orders", "system_database_url": options.system_database, "log_level": "WARNING"})
    if options.writes == "datasource":
        url = options.database.replace("postgresql://", "postgresql+psycopg://")
        steps = datasource_steps(await AsyncSQLAlchemyDatasource.create(url))
    else:
        pool = AsyncConnectionPool(options.database, min_size=2, max_size=10, open=False)
        await pool.open()
        steps = plain_steps(pool)
    saga = saga_of(steps)
    DBOS.launch()

    async def place(order_id: str, kind: str) -> str:
        with SetWorkflowID(order_id):
            handle = await DBOS.start_workflow_async(saga, order_of(order_id, kind))
        return await handle.get_result()

    async def find(order_id: str) -> str:
        return await place(order_id, "ok")  # the same id finds the run in progress

    await Load(place, find).serve()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
