"""The whole demo, as `make demo` runs it."""

import os
from pathlib import Path

import pytest

from runtime.embedded.stack import Stack, running_stack
from tests.cli.conftest import run_starter
from tests.servers import FOLDER, PORTS, free_ports
from tests.systems import clean_environment

pytestmark = pytest.mark.server


def test_the_demo_shows_five_orders_and_finds_no_violation(tmp_path: Path) -> None:
    temporal, ui = free_ports(2)
    environment = clean_environment(
        ORDERS_DATA_DIR=str(tmp_path / "data"),
        ORDERS_TEMPORAL_PORT=str(temporal),
        ORDERS_UI_PORT=str(ui),
    )

    ran = run_starter(environment, "demo", "--json", seconds=150)

    assert ran.code == 0, ran.err
    document = ran.document
    assert document["wrong"] == []
    outcomes = {each["kind"]: each["outcome"] for each in document["orders"]}
    assert {kind: outcome["result"]["status"] for kind, outcome in outcomes.items()} == {
        "ok": "completed",
        "declined": "compensated",
        "refused": "compensated",
        "flaky": "completed",
        "lost_answer": "completed",
    }
    charges = {
        kind: step["attempt"]
        for kind, outcome in outcomes.items()
        for step in outcome["state"]["history"]
        if (step["step"], step["direction"]) == ("charge", "do")
    }
    assert charges["flaky"] == 3
    assert charges["lost_answer"] == 2
    assert all(each["ui"].startswith(document["ui_url"]) for each in document["orders"])


def test_a_demo_beside_running_servers_says_that_they_go_on(servers: Stack) -> None:
    temporal, ui = os.environ[PORTS].split()
    data = Path(os.environ[FOLDER]) / "data"
    environment = clean_environment(
        ORDERS_DATA_DIR=str(data), ORDERS_TEMPORAL_PORT=temporal, ORDERS_UI_PORT=ui, COLUMNS="200"
    )

    ran = run_starter(environment, "demo", seconds=150)

    assert ran.code == 0, ran.err
    assert "The servers keep running for the process that started them" in ran.out
    assert "The servers stop" not in ran.out
    assert running_stack(data) == servers
