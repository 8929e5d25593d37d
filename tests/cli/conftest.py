"""The command line as people run it: a process of its own, on the real stack where one is needed."""

import io
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from cli.app import run

PROJECT = Path(__file__).resolve().parents[2]
SECONDS_TO_START = 90

Environment = dict[str, str]


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


Starter = Callable[..., Ran]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def clean_environment(**more: str) -> Environment:
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("ORDERS_", "TEMPORAL_"))}
    kept.pop("DATABASE_URL", None)
    return {**kept, **more}


def run_starter(environment: Environment, *arguments: str, stdin: bytes = b"", seconds: float = 60) -> Ran:
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


@pytest.fixture
def nowhere() -> Environment:
    """An environment whose server and database are ports that nobody listens on."""
    address = f"127.0.0.1:{free_port()}"
    return clean_environment(TEMPORAL_ADDRESS=address, DATABASE_URL=f"postgresql://{address}/orders")


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """The environment of a system that `starter.py up` keeps running for the session."""
    environment = clean_environment(
        ORDERS_DATA_DIR=str(tmp_path_factory.mktemp("cli") / "data"),
        ORDERS_TEMPORAL_PORT=str(free_port()),
        ORDERS_UI_PORT=str(free_port()),
        COLUMNS="200",
    )
    log = tmp_path_factory.mktemp("up") / "log"
    with log.open("wb") as err, started_up(environment, err) as up:
        yield environment
        up.send_signal(signal.SIGINT)
        assert up.wait(60) == 130, log.read_text()


def started_up(environment: Environment, err: Any) -> "subprocess.Popen[bytes]":
    """Return an `up` that has said that it is up."""
    up = subprocess.Popen(
        [sys.executable, "starter.py", "up", "--json"], cwd=PROJECT, env=environment, stdout=subprocess.PIPE, stderr=err
    )
    assert up.stdout
    line = up.stdout.readline()
    assert line, f"up ended with {up.wait(SECONDS_TO_START)}"
    assert json.loads(line)["ui_url"].startswith("http://127.0.0.1:")
    return up


@pytest.fixture(scope="session")
def starter(system: Environment) -> Starter:
    """Run one command of the starter on the running system; in this process, which saves a start each time."""

    def run_here(*arguments: str, stdin: bytes = b"") -> Ran:
        out, err = io.StringIO(), io.StringIO()
        given = mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with mock.patch.dict(os.environ, system, clear=True), given, redirect_stdout(out), redirect_stderr(err):
            code = run(list(arguments))
        return Ran(code, out.getvalue(), err.getvalue())

    return run_here


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
