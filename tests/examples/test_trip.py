"""The README's own saga, run as its commands are printed: it ends in every way, and nothing stays stuck."""

import asyncio
import shlex
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from temporalio import workflow
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.worker import Worker

from runtime.embedded.stack import Stack
from tests.cli.conftest import PROJECT, Ran
from tests.servers import free_ports, new_namespace
from tests.systems import Environment, clean_environment

pytestmark = pytest.mark.server

README = (PROJECT / "README.md").read_text()


@dataclass(frozen=True)
class Trips:
    """The example in a namespace of its own, with a store of its own."""

    environment: Environment
    store: Path

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "examples.trip", "--store", str(self.store), *arguments]

    def __call__(self, *arguments: str) -> Ran:
        done = subprocess.run(
            self.command(*arguments),
            cwd=PROJECT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def in_background(self, *arguments: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            self.command(*arguments), cwd=PROJECT, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def change(self, statement: str, *values: object) -> None:
        with closing(sqlite3.connect(self.store)) as store, store:
            store.execute(statement, values)

    def one(self, query: str, *values: object) -> object:
        with closing(sqlite3.connect(self.store)) as store:
            row = store.execute(query, values).fetchone()
        return row[0] if row else None

    def outcome(self, trip: str) -> object:
        return self.one("select outcome from outcomes where trip = ?", trip)

    def free(self, name: str) -> object:
        return self.one("select free from places where name = ?", name)


@pytest.fixture
async def trips(servers: Stack, tmp_path: Path) -> Trips:
    namespace = (await new_namespace(servers)).namespace
    environment = clean_environment(TEMPORAL_ADDRESS=servers.temporal_address, TEMPORAL_NAMESPACE=namespace)
    return Trips(environment, tmp_path / "trips.db")


def new_id() -> str:
    return f"trip-{uuid4().hex[:8]}"


def until(reached: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_trip_completes_and_books_once(trips: Trips) -> None:
    trip = new_id()

    first, again = trips("book", "Lyon", "--id", trip), trips("book", "Lyon", "--id", trip)

    assert (first.code, again.code) == (0, 0), first.err + again.err
    assert f"{trip}: completed" in first.out
    assert (trips.free("Grand Hotel"), trips.free("Lyon"), trips.outcome(trip)) == (19, 99, "completed")


def test_without_a_flight_the_hotel_is_cancelled(trips: Trips) -> None:
    trip = new_id()

    ran = trips("book", "Atlantis", "--id", trip)

    assert ran.code == 3, ran.err
    steps = [line.strip() for line in ran.out.splitlines() if line.startswith("  ")]
    assert steps == ["hotel do completed", "flight do refused", "hotel undo completed", "close close completed"]
    assert (trips.free("Grand Hotel"), trips.outcome(trip)) == (20, "compensated")


def parked(trips: Trips) -> tuple[str, list[str]]:
    """Book a trip whose hotel refunds nothing; return its id and the commands that the example prints."""
    trip = new_id()
    ran = trips("book", "Atlantis", "--hotel", "Budget Inn", "--id", trip)
    assert ran.code == 3, ran.err
    assert trips.outcome(trip) is None
    return trip, [line.strip() for line in ran.out.splitlines() if line.strip().startswith("python -m examples.trip")]


@pytest.mark.parametrize(("verb", "outcome"), [("skip", "compensated"), ("waive", "failed"), ("retry", "compensated")])
def test_a_person_ends_a_trip_whose_undo_fails_by_each_printed_command(trips: Trips, verb: str, outcome: str) -> None:
    trip, printed = parked(trips)
    if verb == "retry":
        trips.change("update places set refundable = 1")
    (command,) = [each for each in printed if f" hotel {verb} " in each]

    ran = trips(*shlex.split(command)[3:])

    assert (ran.code, ran.err) == (3, "")
    assert f"{trip}: {outcome}" in ran.out
    assert (trips.outcome(trip), trips.free("Budget Inn")) == (outcome, 20 if verb == "retry" else 19)


def test_a_printed_command_names_the_store_and_quotes_the_id(trips: Trips) -> None:
    trip = f"{new_id()} to Atlantis"

    booked = trips("book", "Atlantis", "--hotel", "Budget Inn", "--id", trip)
    (printed,) = [line for line in booked.out.splitlines() if " hotel waive " in line]
    program, *words = shlex.split(printed)
    ran = subprocess.run([sys.executable, *words], cwd=PROJECT, env=trips.environment, capture_output=True, check=False)

    assert (program, ran.returncode) == ("python", 3), ran.stderr
    assert booked.out.startswith(f"trip {trip}\n")
    assert trips.outcome(trip) == "failed"


def test_a_decision_that_is_not_possible_is_refused_and_changes_nothing(trips: Trips) -> None:
    trip, _ = parked(trips)

    for arguments, says in (
        (["hotel", "skip", "--reason", "r"], "evidence"),
        (["flight", "retry", "--reason", "r"], "not parked"),
        (["hotel", "waive", "--reason", " "], "reason"),
        (["hotel", "waive", "--reason", "r", "--actor", ""], "actor"),
    ):
        refused = trips("resolve", trip, *arguments)
        assert refused.code == 6, refused.err
        assert says in refused.err
        assert refused.err.count("\n") == 1
    assert trips.outcome(trip) is None


@workflow.defn(name="AnotherWorkflow", sandboxed=False)
class Another:
    """A workflow of the same namespace with an update of the same name, which is no trip."""

    def __init__(self) -> None:
        self.decisions: list[Any] = []

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: False)

    @workflow.query
    def state(self) -> list[Any]:
        return self.decisions

    @workflow.update
    def resolve(self, decision: dict[str, Any]) -> str:
        self.decisions.append(decision)
        return "resolved"


async def test_another_workflow_is_no_trip(trips: Trips) -> None:
    client, other = await client_of(trips), new_id()
    async with Worker(client, task_queue="others", workflows=[Another]):
        handle = await client.start_workflow("AnotherWorkflow", id=other, task_queue="others")
        for arguments in (
            ("book", "Lyon", "--id", other),
            ("show", other),
            ("resolve", other, "charge", "skip", "--evidence", "e", "--reason", "r"),
            ("cancel", other, "--reason", "r"),
        ):
            refused = await asyncio.to_thread(trips, *arguments)
            assert (refused.code, refused.err) == (5, f"error: {other} is not a trip\n"), arguments
        assert await handle.query("state") == []
        await handle.terminate()


@pytest.mark.parametrize(
    ("city", "hotel"), [("x" * 3000, "Grand Hotel"), ("Atlantis", "h" * 3000), ("Lyon", "纸" * 300)]
)
def test_a_place_of_any_length_ends_a_trip_in_one_line(trips: Trips, city: str, hotel: str) -> None:
    ran = trips("book", city, "--hotel", hotel)

    assert ran.code in {2, 3}, ran.err
    assert "Traceback" not in ran.err


async def client_of(trips: Trips) -> Client:
    namespace = trips.environment["TEMPORAL_NAMESPACE"]
    return await Client.connect(trips.environment["TEMPORAL_ADDRESS"], namespace=namespace)


@contextmanager
def in_the_middle(trips: Trips, trip: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Book a trip whose airline does not answer, so that it stays between its two steps."""
    assert trips("show", trip).code == 5  # makes the store
    trips.change("update places set answers = 0 where kind = 'flight'")
    with trips.in_background("book", "Lyon", "--id", trip) as booking:
        until(lambda: trips.free("Grand Hotel") == 19)
        yield booking


@pytest.mark.parametrize("native", [False, True], ids=["update", "native"])
async def test_a_trip_that_is_cancelled_in_the_middle_is_undone(trips: Trips, native: bool) -> None:
    trip = new_id()
    handle = (await client_of(trips)).get_workflow_handle(trip)
    with in_the_middle(trips, trip) as booking:
        if native:
            await handle.cancel(reason="ill")
        else:
            await handle.execute_update("cancel", "ann: ill")
        while (await handle.query("state"))["status"] == "running":
            await asyncio.sleep(0.05)
        trips.change("update places set answers = 1")
        out, _ = await asyncio.to_thread(booking.communicate, timeout=60)

    assert booking.returncode == 3
    assert f"{trip}: cancelled" in out.decode()
    assert (trips.free("Grand Hotel"), trips.free("Lyon"), trips.outcome(trip)) == (20, 100, "cancelled")
    assert (await handle.describe()).status is WorkflowExecutionStatus.COMPLETED


def test_a_cancel_that_comes_too_late_is_refused(trips: Trips) -> None:
    trip = new_id()
    trips("book", "Lyon", "--id", trip)

    refused = trips("cancel", trip, "--reason", "ill")

    assert refused.code in {5, 6}
    assert refused.err.count("\n") == 1
    assert trips.free("Lyon") == 99


def test_a_trip_whose_worker_stops_goes_on_with_the_next_one(trips: Trips) -> None:
    trip = new_id()
    with in_the_middle(trips, trip) as booking:
        booking.send_signal(signal.SIGINT)
        _, err = booking.communicate(timeout=60)
    assert booking.returncode == 130, err
    assert err.splitlines()[-1].startswith(b"interrupted; the trip goes on"), err
    trips.change("update places set answers = 1")

    ran = trips("show", trip)

    assert ran.code == 0, ran.err
    assert (trips.free("Grand Hotel"), trips.free("Lyon"), trips.outcome(trip)) == (19, 99, "completed")


def test_without_a_server_one_line_says_what_to_start(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    nowhere = Trips(clean_environment(TEMPORAL_ADDRESS=f"127.0.0.1:{port}"), tmp_path / "trips.db")

    ran = nowhere("book", "Lyon")

    assert (ran.code, ran.err.count("\n")) == (4, 1)
    assert "make up" in ran.err


def test_the_readme_shows_the_saga_that_these_tests_run() -> None:
    heading = "## Use temporal_saga in another project\n"
    block = README.split(heading)[1].split("```python\n")[1].split("```")[0]

    assert f"\n{block}" in (PROJECT / "examples" / "trip" / "workflow.py").read_text()


def test_a_printed_command_has_a_foreign_id_as_one_word(trips: Trips) -> None:
    trip = f"{new_id()};touch hacked\x1b[2J"

    ran = trips("book", "Atlantis", "--hotel", "Budget Inn", "--id", trip)

    assert ran.code == 3, ran.err
    assert all(character.isprintable() or character == "\n" for character in ran.out + ran.err)
    printed = [line.strip() for line in ran.out.splitlines() if line.strip().startswith("python -m examples.trip")]
    assert all(trip.replace("\x1b", "?") in shlex.split(line) for line in printed)
    assert trips("resolve", trip, "hotel", "waive", "--reason", "we bear the loss").code == 3
