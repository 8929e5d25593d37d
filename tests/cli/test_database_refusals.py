"""What the database refuses, through a command and through a worker: the same exit code, one line, no password."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Composed, Identifier

from runtime.embedded.stack import Stack
from tests.cli.conftest import PROJECT, Ran, run_starter
from tests.servers import new_database
from tests.systems import Environment, clean_environment


@dataclass(frozen=True)
class Refusal:
    """A change of the server or of the address, with the exit code and words of the line that follows from it."""

    change: str
    words: str
    code: int = 4
    user: str = "{role}"
    database: str = "{database}"


REFUSALS = {
    "rights": Refusal("", "permission denied"),
    "read-only": Refusal("alter database {database} set default_transaction_read_only = on", "read-only"),
    "connections": Refusal("alter role {role} connection limit 0", "too many connections"),
    "database": Refusal("", "does not exist", database="nowhere"),
    "role": Refusal("", "does not exist", user="nobody_here"),
    "login": Refusal("alter role {role} nologin", "not permitted to log in"),
    "encoding": Refusal(
        "create database {latin} encoding 'LATIN1' locale 'C' locale_provider libc template template0",
        "LATIN1",
        code=2,
        database="{latin}",
    ),
}


@pytest.fixture
def refused(servers: Stack) -> Callable[[Refusal], Environment]:
    """Return a function that makes a database for a refusal, and returns the environment of its users."""
    url = new_database(servers.database_url)
    database = str(conninfo_to_dict(url)["dbname"])
    names = {"database": database, "role": f"lesser_{database}", "latin": f"latin_{database}"}

    def make(refusal: Refusal) -> Environment:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(_with_names("create role {role} login password 'hunter2'", names))
            if refusal.change:
                connection.execute(_with_names(refusal.change, names))
        host = conninfo_to_dict(url)["host"]
        user, chosen = refusal.user.format(**names), refusal.database.format(**names)
        address = f"postgresql://{user}:hunter2@/{chosen}?host={str(host).replace('/', '%2F')}&port=5432"
        return clean_environment(
            DATABASE_URL=address,
            TEMPORAL_ADDRESS=servers.temporal_address,
            TEMPORAL_CONFIG_FILE=os.devnull,
            ORDERS_LOG_FORMAT="json",
        )

    return make


def _with_names(text: str, names: dict[str, str]) -> Composed:
    return SQL(text).format(**{name: Identifier(value) for name, value in names.items()})


def run_worker(environment: Environment) -> Ran:
    done = subprocess.run(
        [sys.executable, "worker.py"],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("name", REFUSALS)
def test_a_command_and_a_worker_end_with_the_same_code_and_line(
    name: str, refused: Callable[[Refusal], Environment]
) -> None:
    refusal = REFUSALS[name]
    environment = refused(refusal)

    for ran in (run_starter(environment, "deadletters", "list"), run_worker(environment)):
        errors = [line for line in ran.err.splitlines() if line.startswith("error: ")]
        assert (ran.code, len(errors)) == (refusal.code, 1), ran.err
        assert refusal.words in errors[0]
        assert "Traceback" not in ran.err
        assert "hunter2" not in ran.err + ran.out


@pytest.mark.parametrize(
    "command",
    [
        ["rebuild"],
        ["prune", "--older-than", "400", "--dry-run"],
        ["resolve-all", "retry", "--step", "charge", "--reason", "fixed"],
    ],
    ids=lambda command: command[0],
)
def test_a_lesser_role_is_told_what_it_lacks(command: list[str], refused: Callable[[Refusal], Environment]) -> None:
    ran = run_starter(refused(REFUSALS["rights"]), *command)

    assert (ran.code, ran.out) == (4, ""), ran.err
    assert "permission denied" in ran.err
    assert "grant it" in ran.err


@pytest.mark.parametrize("program", ["starter.py deadletters list", "worker.py", "starter.py setup"])
def test_a_password_that_is_not_encoded_is_never_printed(program: str, servers: Stack) -> None:
    done = subprocess.run(
        [sys.executable, *program.split()],
        cwd=PROJECT,
        env=clean_environment(
            DATABASE_URL="postgresql://orders:hun@ter2@127.0.0.1/orders",
            TEMPORAL_ADDRESS=servers.temporal_address,
            TEMPORAL_CONFIG_FILE=os.devnull,
        ),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("error: DATABASE_URL: ")
    assert "hun" not in done.stderr
    assert "ter2" not in done.stderr


@pytest.mark.parametrize("encoding", ["ascii:strict", "latin-1"])
def test_an_output_of_another_encoding_changes_no_exit_code(encoding: str, system: Environment, tmp_path: Path) -> None:
    file = tmp_path / "order.json"
    file.write_text(ORDER.replace("ID", f"o-{encoding.replace(':', '-')}"), encoding="utf-8")
    environment = {**system, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0", "LC_ALL": "C"}

    placed = run_in(environment, "place", str(file))
    shown = run_in(environment, "list")

    assert (placed.returncode, shown.returncode) == (0, 0), placed.stderr
    assert b"Traceback" not in placed.stderr + shown.stderr


ORDER = """{"order_id": "ID", "customer_id": "c-7", "currency": "EUR",
"lines": [{"sku": "SKU-1", "quantity": 2}], "payment": {"method": "card", "token": "tok_ok"},
"ship_to": {"name": "Zoë Łukasz", "street": "1 Main St", "city": "Kraków", "postcode": "69001", "country": "PL"}}"""


def run_in(environment: Environment, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [sys.executable, "starter.py", *arguments],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        timeout=60,
        check=False,
    )
