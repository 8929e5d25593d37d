"""A service leaves the common database, as docs/operations.md describes it."""

import asyncio
import subprocess
from dataclasses import replace

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from models.participants import SERVICES
from models.process import Status
from postgres.database import Database
from runtime.embedded.postgres import _programs
from runtime.embedded.stack import Stack
from services.databases import Databases
from services.schemas import names_of
from tests.gathered import assert_all_conserved
from tests.orders.apart.running import receipts, workers
from tests.orders.scenarios import Scenario
from tests.servers import new_database
from tests.systems import System, open_system, result_of
from tests.upkeep.installation.conftest import command

pytestmark = [pytest.mark.server, pytest.mark.faults, pytest.mark.timeout(120)]
SCHEMAS = names_of(["payments"]) - {"installation"}


def move_schemas(old: str, new: str) -> None:
    """Move the schemas of the payments with the programs of PostgreSQL."""
    wanted = [f"--schema={schema}" for schema in sorted(SCHEMAS)]
    programs = _programs()
    dumped = subprocess.run([programs / "pg_dump", *wanted, old], capture_output=True, check=True)
    subprocess.run(
        [programs / "psql", "--quiet", "--set=ON_ERROR_STOP=1", new],
        input=dumped.stdout,
        capture_output=True,
        check=True,
    )
    with psycopg.connect(old, autocommit=True) as connection:
        for schema in SCHEMAS:
            connection.execute(SQL("drop schema {} cascade").format(Identifier(schema)))


async def test_the_payments_leave_the_common_database(servers: Stack) -> None:
    async with open_system(servers) as system:
        async with workers(system):
            before = await result_of(await system.start(Scenario("before").order()))
        url = new_database(servers.database_url, "template1")
        await asyncio.to_thread(move_schemas, system.stack.database_url, url)
        settings = system.settings.model_copy(update={"database_url_payments": url})
        async with await Database.open(url, size=1) as payments:
            databases = replace(Databases.of(system.db), payments=payments)
            apart = System(settings, system.stack, system.client, system.db, databases)
            prepared = await command(apart, "setup")
            assert prepared.code == 0, prepared.err
            order = Scenario("after").order()
            async with workers(apart, apart=("payments",), served=("payments",)):
                after = await result_of(await apart.start(order))
            settled = await receipts(apart, order.order_id)

        assert [result.status for result in (before, after) if result] == [Status.COMPLETED] * 2
        assert settled == dict.fromkeys(SERVICES, "settled")
        await assert_all_conserved(apart)
