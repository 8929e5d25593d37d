"""The README's commands for services apart, run as they are printed, on four empty databases on four servers."""

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from models.participants import OWNERS
from runtime.embedded.stack import Stack
from tests.docs.blocks import blocks
from tests.docs.shell import copy_project
from tests.orders.scenarios import Scenario
from tests.servers import new_namespace
from tests.systems import clean_environment
from tests.topologies import server_for_each

pytestmark = [pytest.mark.server, pytest.mark.faults, pytest.mark.timeout(300)]


def new_empty_database(url: str) -> str:
    name = f"empty_{uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SQL("create database {}").format(Identifier(name)))
    return urlsplit(url)._replace(path=f"/{name}").geturl()


async def test_the_commands_for_services_apart_complete_an_order(servers: Stack, tmp_path: Path) -> None:
    (block,) = [
        each for each in blocks("README.md") if "worker.py --serve inventory" in each.text and each.language == "bash"
    ]
    home = copy_project(tmp_path / "home")
    (home / "order.json").write_text(Scenario("readme").order().model_dump_json())
    client = await new_namespace(servers)
    async with server_for_each() as own:
        at = {owner: own[owner].url if owner in own else servers.database_url for owner in OWNERS}
        variables = clean_environment(
            PATH=f"{home}/.venv/bin{os.pathsep}{os.environ['PATH']}",
            TEMPORAL_ADDRESS=servers.temporal_address,
            TEMPORAL_NAMESPACE=client.namespace,
            TEMPORAL_CONFIG_FILE=os.devnull,
            **{f"DB_{owner.upper()}": new_empty_database(url) for owner, url in at.items()},
        )
        code, output = await _run(block.text, home, variables)

    assert code == 0, output
    assert "completed" in output


async def _run(commands: str, home: Path, variables: dict[str, str]) -> tuple[int, str]:
    """Run commands in a shell that fails with the first of them, and end the workers that they have started."""
    output = home / "output.txt"
    with output.open("wb") as log:
        shell = await asyncio.create_subprocess_exec(
            "bash", "-ec", commands, cwd=home, env=variables, stdout=log, stderr=log, start_new_session=True
        )
    try:
        code = await shell.wait()
    finally:
        await _end_group(shell.pid)
    return code, output.read_text(errors="replace")


async def _end_group(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGTERM)
        while True:
            os.killpg(pid, 0)
            await asyncio.sleep(0.1)
