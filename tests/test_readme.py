"""README.md matches the code: its commands, files, tables and examples; tests/docs/ runs the blocks of all pages."""

import ast
import importlib
import re
import sys
import uuid
from pathlib import Path

import pytest
from temporalio.client import WorkflowExecutionStatus
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from cli.app import COMMANDS, app
from cli.exits import Code
from client.orders import OrdersClient
from models.order import Order
from providers.simulated import card_provider
from runtime.settings import Settings, variable

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
PAGES = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", *(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md")))

# The imports and activities that the saga example omits.
PREAMBLE = """
from dataclasses import dataclass
from typing import Any
from temporalio import activity, workflow
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporal_saga import Call, Kind, Policy, Run, Saga, Step

@dataclass
class Ask:
    key: str
    city: str

called = []

@activity.defn
async def book_hotel(ask: Ask) -> None:
    called.append(("book_hotel", ask.key))

@activity.defn
async def cancel_hotel(ask: Ask) -> None:
    called.append(("cancel_hotel", ask.key))

@activity.defn
async def book_flight(ask: Ask) -> None:
    called.append(("book_flight", ask.key))
    if ask.city == "Atlantis":
        raise ApplicationError("no", non_retryable=True, category=ApplicationErrorCategory.BENIGN)

@activity.defn
async def cancel_flight(ask: Ask) -> None:
    called.append(("cancel_flight", ask.key))

@activity.defn
async def keep_outcome(ask: Ask) -> None:
    called.append(("keep_outcome", ask.key))

"""


def test_every_command_is_named_and_every_named_one_exists() -> None:
    there = {name for name, _, _ in COMMANDS} | {group.name for group in app.registered_groups}
    named = set(re.findall(r"starter\.py ([a-z]+)", README))

    assert named <= there
    assert there <= named | {"demo", "up"}  # documented as make targets


@pytest.mark.parametrize("page", PAGES)
def test_every_linked_or_named_file_exists(page: str) -> None:
    text = (ROOT / page).read_text()
    linked = [target for target in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in target]
    named = re.findall(r"`((?:\w+/)+[\w./]*|\w+\.py)`", text) if page == "README.md" else []

    missing = [each for each in linked if not (ROOT / page).parent.joinpath(each).exists()]
    missing += [each for each in named if not (ROOT / each).exists()]

    assert missing == []


def test_every_setting_and_its_default_is_listed() -> None:
    rows = {
        name: defaults.split(", ")[place] if ", " in defaults else defaults
        for names, defaults in re.findall(r"^\| ((?:`[A-Z_]+`(?:, )?)+) \| ([^|]+) \|", README, re.MULTILINE)
        for place, name in enumerate(re.findall(r"`(\w+)`", names))
    }
    fields = Settings.model_fields

    assert set(rows) == {variable(field) for field in fields}
    for field, info in fields.items():
        if isinstance(info.default, bool | int) or info.default == "info":
            assert rows[variable(field)] == str(info.default).lower(), field


def test_every_exit_code_is_listed() -> None:
    paragraph = README.split("**Exit codes.**")[1].split("##")[0]

    assert sorted(map(int, re.findall(r"(?:^|· |·\n)\s*(\d+) [a-z]", paragraph))) == sorted(Code)


def test_every_token_is_listed_and_known() -> None:
    listed = set(re.findall(r"`(tok_\w+)`", README))
    flaky = {"tok_flaky_N", "tok_refund_flaky_N"}

    assert listed == set(card_provider._PLANS) | flaky | {"tok_declined"}
    assert card_provider._plan("tok_flaky_4").failures == 4
    assert card_provider._plan("tok_refund_flaky_4").undo_failures == 4


def python_under(heading: str) -> str:
    return README.split(f"## {heading}\n")[1].split("```python\n")[1].split("```")[0]


def test_the_python_example_names_what_exists() -> None:
    tree = ast.parse(python_under("From Python"))
    imported = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    called = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "orders"
    }

    assert called == {"place", "result"}
    assert called <= set(dir(OrdersClient))
    for node in imported:
        module = importlib.import_module(node.module or "")
        assert {name.name for name in node.names} <= set(dir(module))


def test_the_documented_order_is_valid() -> None:
    document = README.split("<<'JSON'\n")[1].split("\nJSON\n")[0]

    assert Order.model_validate_json(document).order_id == "o-1001"


async def test_the_example_of_a_saga_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    example = python_under("Use temporal_saga in another project")
    module = f"trip_{uuid.uuid4().hex[:8]}"
    (tmp_path / f"{module}.py").write_text(PREAMBLE + example)
    monkeypatch.syspath_prepend(str(tmp_path))
    trip = importlib.import_module(module)
    acts = [trip.book_hotel, trip.cancel_hotel, trip.book_flight, trip.cancel_flight, trip.keep_outcome]
    binary = str(Path(sys.executable).parent / "temporal-test-server")

    async with (
        await WorkflowEnvironment.start_time_skipping(test_server_existing_path=binary) as env,
        Worker(env.client, task_queue="trips", workflows=[trip.TripWorkflow], activities=acts),
    ):
        there = await env.client.execute_workflow(trip.TripWorkflow.run, "Lyon", id="t-1", task_queue="trips")
        went = trip.called.copy()
        handle = await env.client.start_workflow(trip.TripWorkflow.run, "Atlantis", id="t-2", task_queue="trips")
        back = await handle.result()
        assert (await handle.describe()).status is WorkflowExecutionStatus.COMPLETED

    assert (there, went) == ("completed", [("book_hotel", "t-1:hotel"), ("book_flight", "t-1:flight")])
    assert back == "compensated"
    assert trip.called[2:] == [
        ("book_hotel", "t-2:hotel"),
        ("book_flight", "t-2:flight"),
        ("cancel_hotel", "t-2:hotel"),
        ("keep_outcome", "t-2:close"),
    ]
