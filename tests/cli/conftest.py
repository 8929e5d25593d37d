"""Fixtures of the command line tests: commands in a separate process or in this one, on a real stack where needed."""

import io
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from cli.app import run
from models.errors import MISTAKES_AT_MOST
from runtime.embedded.stack import Stack
from runtime.reconciling import schedule_reconciler
from tests.servers import free_ports
from tests.systems import Environment, clean_environment, open_system

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Ran:
    """Exit code and output of a command."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


Starter = Callable[..., Ran]


def check_errors(err: str) -> None:
    """Check that each mistake is one printable line, and that their number is bounded."""
    lines = err.removesuffix("\n").split("\n")
    assert 1 <= len(lines) <= MISTAKES_AT_MOST + 1, err
    for line in lines:
        assert line.startswith("error: "), err
        assert line.isprintable(), err


def run_starter(environment: Environment, *arguments: str, stdin: bytes = b"", seconds: float = 120) -> Ran:
    done = subprocess.run(
        [sys.executable, "starter.py", *arguments],
        cwd=PROJECT,
        env=environment,
        input=stdin,
        capture_output=True,
        timeout=seconds,
        check=False,
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def run_here(environment: Environment, *arguments: str, stdin: bytes = b"") -> Ran:
    """Run a command of the starter in this process, which saves the time of a start."""
    out, err = io.StringIO(), io.StringIO()
    given = mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
    with mock.patch.dict(os.environ, environment, clear=True), given, redirect_stdout(out), redirect_stderr(err):
        code = run(list(arguments))
    return Ran(code, out.getvalue(), err.getvalue())


@pytest.fixture
def nowhere() -> Environment:
    """Return an environment whose Temporal server and database have a port that no process listens on."""
    (port,) = free_ports(1)
    address = f"127.0.0.1:{port}"
    return clean_environment(TEMPORAL_ADDRESS=address, DATABASE_URL=f"postgresql://{address}/orders")


@pytest.fixture(scope="session")
async def system(servers: Stack) -> AsyncIterator[Environment]:
    """Yield the environment of a running system, which the tests of all files share."""
    async with running_system(servers) as environment:
        yield environment


@asynccontextmanager
async def running_system(servers: Stack) -> AsyncIterator[Environment]:
    """Run a system with a worker process and the reconciler's schedule, as `up` creates them; yield its environment."""
    async with open_system(servers) as opened:
        await schedule_reconciler(opened.client, 60)
        with worker_process(opened.environment()):
            yield opened.environment()


@contextmanager
def worker_process(environment: Environment, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run `python worker.py`, and drain it at the end of the block."""
    command = [sys.executable, "worker.py", *arguments]
    with subprocess.Popen(command, cwd=PROJECT, env=environment, stderr=subprocess.DEVNULL) as worker:
        try:
            yield worker
        finally:
            worker.terminate()
            assert worker.wait(60) == 0


@pytest.fixture(scope="session")
def starter(system: Environment) -> Starter:
    """Return a function that runs a command of the starter on the running system, in this process to save time."""

    return partial(run_here, system)


def order_document(order_id: str = "o-1001", **changes: Any) -> dict[str, Any]:
    """Return the documented order, with changes."""
    return {
        "order_id": order_id,
        "customer_id": "c-7",
        "currency": "EUR",
        "lines": [{"sku": "SKU-1", "quantity": 2}, {"sku": "SKU-2", "quantity": 1}],
        "payment": {"method": "card", "token": "tok_ok"},
        "ship_to": {"name": "A. Customer", "street": "1 Main St", "city": "Lyon", "postcode": "69001", "country": "FR"},
        **changes,
    }


def as_bytes(document: Any) -> bytes:
    return json.dumps(document).encode()
