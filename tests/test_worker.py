"""The worker process: its start, its error messages, and how it drains on a signal."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from client.installation import bind
from models.names import TASK_QUEUE, workflow_id
from models.order import Order
from models.process import OrderResult, Status
from postgres.database import Database
from runtime.connection import connect
from runtime.embedded.ports import free_port
from runtime.embedded.stack import Stack, embedded_stack
from runtime.settings import PROJECT, Settings
from services import demo_articles, schemas
from services.installation.installation import Installation
from tests.runtime.stacks import environment_for, happens, settings_for
from tests.servers import with_empty_cluster
from worker import main
from workflows.order.workflow import OrderWorkflow

Worker = subprocess.Popen[str]
STOPPED_BY_SECOND_SIGTERM = 128 + signal.SIGTERM


@pytest.fixture(scope="module")
def settings() -> Iterator[Settings]:
    folder = Path(tempfile.mkdtemp(prefix="orders-test-"))
    folder.chmod(0o711)
    yield with_empty_cluster(settings_for(folder))
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
async def stack(settings: Settings) -> AsyncIterator[Stack]:
    async with embedded_stack(settings) as stack:
        await asyncio.to_thread(schemas.migrate, stack.database_url)
        async with await Database.open(stack.database_url, size=1) as database:
            await demo_articles.load(database)
            await bind(await connect(settings, address=stack.temporal_address), Installation(database))
        yield stack


@pytest.fixture
async def client(settings: Settings, stack: Stack) -> Client:
    return await connect(settings, address=stack.temporal_address)


@pytest.fixture
def worker(settings: Settings, stack: Stack) -> Iterator[Worker]:
    with started(environment_for(settings)) as process:
        yield process
        process.kill()


def started(environment: dict[str, str]) -> Worker:
    return subprocess.Popen(
        [sys.executable, str(PROJECT / "worker.py")],
        env={**environment, "TEMPORAL_CONFIG_FILE": os.devnull},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd="/",
    )


def refusal(environment: dict[str, str]) -> tuple[int, str]:
    with started(environment) as process:
        output, line = process.communicate(timeout=30)
    assert output == ""
    return process.returncode, line


def an_order(order_id: str) -> Order:
    return Order.model_validate_json(
        f"""{{"order_id": "{order_id}", "customer_id": "c-7", "currency": "EUR",
        "lines": [{{"sku": "SKU-1", "quantity": 2}}], "payment": {{"method": "card", "token": "tok_ok"}},
        "ship_to": {{"name": "A. Customer", "street": "1 Main St", "city": "Lyon", "postcode": "69001",
        "country": "FR"}}}}"""
    )


async def start(client: Client, order_id: str) -> WorkflowHandle[OrderWorkflow, OrderResult]:
    return await client.start_workflow(
        OrderWorkflow.run, an_order(order_id), id=workflow_id(order_id), task_queue=TASK_QUEUE
    )


def waits_for_a_lock(stack: Stack) -> bool:
    with psycopg.connect(stack.database_url) as connection:
        row = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'").fetchone()
    return row is not None and row[0] > 0


@pytest.mark.parametrize(
    ("changed", "code", "words"),
    [
        ({"ORDERS_MAX_ACTIVITIES": "many"}, 2, "ORDERS_MAX_ACTIVITIES: "),
        ({"ORDERS_MAX_ACTIVITYS": "5"}, 2, "ORDERS_MAX_ACTIVITYS: "),
        ({"TEMPORAL_ADDRESS": "temporal.example.com:7233", "DATABASE_URL": "postgresql://x"}, 2, "TEMPORAL_ADDRESS: "),
        ({"TEMPORAL_ADDRESS": "127.0.0.1:1"}, 4, "Temporal at 127.0.0.1:1"),
        ({}, 4, "starter.py up"),
    ],
)
def test_a_worker_that_can_not_start_prints_one_line(
    changed: dict[str, str], code: int, words: str, tmp_path: Path
) -> None:
    nowhere = Settings(data_dir=tmp_path, temporal_port=free_port(), ui_port=free_port())

    returned, line = refusal({**environment_for(nowhere), **changed})

    assert (returned, line.count("\n")) == (code, 1)
    assert line.startswith("error: ")
    assert words in line


@pytest.mark.parametrize(
    ("url", "code", "words"),
    [
        ("postgresql://nobody:hunter2@127.0.0.1:1/orders", 4, "database"),
        ("postgresql://%", 2, "DATABASE_URL: "),
    ],
)
def test_an_unusable_database_is_reported_in_one_line(
    settings: Settings, stack: Stack, url: str, code: int, words: str
) -> None:
    returned, line = refusal(
        {**environment_for(settings), "TEMPORAL_ADDRESS": stack.temporal_address, "DATABASE_URL": url}
    )

    refusals = [text for text in line.splitlines() if text.startswith("error: ")]
    assert (returned, len(refusals)) == (code, 1)
    assert words in refusals[0]
    assert "hunter2" not in line
    assert "Traceback" not in line


def test_a_foreign_schema_is_reported_in_one_line(settings: Settings, stack: Stack) -> None:
    returned, line = refusal(
        {
            **environment_for(settings),
            "TEMPORAL_ADDRESS": stack.temporal_address,
            "DATABASE_URL": stack.database_url.replace("/orders?", "/postgres?"),
        }
    )

    assert (returned, line.count("\n")) == (2, 1)
    assert "schema" in line


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (RPCStatusCode.RESOURCE_EXHAUSTED, 4),
        (RPCStatusCode.PERMISSION_DENIED, 4),
        (RPCStatusCode.UNAVAILABLE, 4),
        (RPCStatusCode.UNIMPLEMENTED, 2),
    ],
)
def test_an_error_of_temporal_at_the_start_is_one_line(
    status: RPCStatusCode, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def serve(_: asyncio.Event) -> None:
        raise RPCError("the server says why", status, b"")

    monkeypatch.setattr(sys, "argv", ["worker.py"])
    monkeypatch.setattr("runtime.logs.configure", lambda *_: None)
    monkeypatch.setattr("serving.process._serving", lambda *_: serve)

    assert main() == code

    line = capsys.readouterr().err
    assert (line[:7], line.count("\n")) == ("error: ", 1)
    assert "the server says why" in line


async def test_a_worker_serves_an_order_and_ends_at_once_when_idle(client: Client, worker: Worker) -> None:
    handle = await start(client, "served")
    result = await handle.result()
    assert result.status == Status.COMPLETED

    worker.send_signal(signal.SIGTERM)
    _, log = await asyncio.to_thread(worker.communicate, timeout=10)

    assert worker.returncode == 0
    assert "Traceback" not in log


@pytest.mark.faults
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_lets_the_running_attempt_end(
    client: Client, stack: Stack, worker: Worker, settings: Settings, signum: signal.Signals
) -> None:
    handle = await start(client, f"drained-{signum}")
    with psycopg.connect(stack.database_url) as connection:
        connection.execute("SELECT * FROM inventory.stock FOR UPDATE")
        assert await happens(lambda: waits_for_a_lock(stack))
        worker.send_signal(signum)
    await asyncio.to_thread(worker.communicate, timeout=20)
    assert worker.returncode == 0

    with started(environment_for(settings)) as another:
        result = await handle.result()
        another.kill()
    assert result.status == Status.COMPLETED
    attempts = [
        event.activity_task_started_event_attributes.attempt
        async for event in handle.fetch_history_events()
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED
    ]
    assert set(attempts) == {1}


@pytest.mark.faults
async def test_a_second_signal_ends_the_worker_at_once(client: Client, stack: Stack, worker: Worker) -> None:
    handle = await start(client, "interrupted")
    with psycopg.connect(stack.database_url) as connection:
        connection.execute("SELECT * FROM inventory.stock FOR UPDATE")
        assert await happens(lambda: waits_for_a_lock(stack))
        worker.send_signal(signal.SIGTERM)
        assert worker.stderr is not None
        await asyncio.to_thread(read_until, worker, "draining")
        worker.send_signal(signal.SIGTERM)
        await asyncio.to_thread(worker.wait, timeout=2)

    assert worker.returncode == STOPPED_BY_SECOND_SIGTERM
    await handle.terminate()


def read_until(process: Worker, word: str) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if word in line:
            return
    raise AssertionError(f"{word} was never logged")
