"""The side of a benchmark that places choreographed orders: it sees how each of them ends."""

from pathlib import Path

import pytest

from benchmarks.contestants.on_temporal import program
from benchmarks.measuring.driver import Driver
from runtime.embedded.stack import Stack
from tests.systems import open_system

pytestmark = pytest.mark.server


async def test_choreographed_orders_are_placed_and_their_ends_are_seen(servers: Stack, tmp_path: Path) -> None:
    async with open_system(servers) as system:
        command = program("ours", system.stack.temporal_address, system.stack.database_url)
        driver = await Driver.start([*command, "--choreographed"], tmp_path / "log", system.environment())
        try:
            driver.send("batch", prefix="many", orders=10, in_flight=5)
            completed = await driver.until_done()
            driver.send("run", prefix="back", kind="refused", in_flight=1, warm=0, seconds=0.5)
            undone = await driver.until_done()
            driver.send("find", order_ids=["many-0", "new-0"])
            await driver.until_done()
        finally:
            await driver.stop()

        assert (completed["placed"], len(completed["milliseconds"])) == (10, 10)
        assert len(undone["milliseconds"]) >= 5
        assert await system.one("select count(*)::int from orders.orders where style = 'choreographed'") > 15
