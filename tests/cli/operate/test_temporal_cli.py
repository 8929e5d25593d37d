"""The exact `temporal` commands of docs/operations.md on a real system."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.cli.conftest import Starter
from tests.cli.operate.parking import (
    allow_completion,
    allow_refund,
    held_by_the_carrier,
    new_id,
    park,
    park_completion,
    sql,
    until,
    until_status,
)
from tests.systems import Environment
from tests.temporal_cli import PAGE, CliAnswer, documented, run_documented, the_command

pytestmark = pytest.mark.server

Temporal = Callable[..., CliAnswer]

# Words that identify each documented command. tests/test_versioning.py runs the commands of deployments.
COMMANDS = {
    "waiting": ("list", 'ExecutionStatus = "Running"\''),
    "costly": ("list", "AmountAtRisk >="),
    "count": ("count",),
    "terminated": ("list", '"Terminated"'),
    "state": ("query", "--name state"),
    "plan": ("query", "--name undo_plan"),
    "describe": ("workflow describe",),
    "retry": ("resolve", '"retry"'),
    "cancel order": ("--name cancel_order",),
    "cancel": ("workflow cancel",),
    "reset": ("workflow reset",),
    "task queue": ("task-queue describe",),
}


@pytest.fixture(scope="module")
def temporal(system: Environment) -> Temporal:
    """Return a function that runs a documented command for an order of the test."""

    def run(name: str, order_id: str = "o-1001", *more: str, instead: tuple[str, str] = ("", "")) -> CliAnswer:
        command = the_command(*COMMANDS[name]).replace(*instead)
        return run_documented(system, command, f"order-{order_id}", *more)

    return run


def test_every_documented_command_is_tested() -> None:
    tested = [the_command(*words) for words in COMMANDS.values()]
    elsewhere = [command for command in documented() if command.startswith("temporal worker deployment ")]

    assert sorted(documented()) == sorted([*tested, *elsewhere])
    assert len(tested) == len(set(tested))


def deciding(verb: str) -> tuple[str, str]:
    """Return the replacement that makes another decision of the documented `retry`, with the fields of the table."""
    (also,) = re.findall(rf"^\| `{verb}` \|.*\| (?:`(.*)` )?\|$", PAGE.read_text(), re.MULTILINE)
    return '"verb": "retry"', f'"verb": "{verb}"' + (f", {also}" if also else "")


def listed(answer: CliAnswer) -> set[str]:
    assert answer.code == 0, answer.err
    return {each["execution"]["workflowId"] for each in answer.document}


def test_parked_orders_are_listed_and_inspected(starter: Starter, system: Environment, temporal: Temporal) -> None:
    cheap = park(starter, system)
    costly = park(starter, system, lines=[{"sku": "SKU-1", "quantity": 9}])
    both = {f"order-{cheap}", f"order-{costly}"}

    until(lambda: both <= listed(temporal("waiting", cheap, "-o", "json")))
    assert both & listed(temporal("costly", cheap, "-o", "json")) == {f"order-{costly}"}
    assert int(temporal("count", cheap).out.split()[-1]) >= 2

    (state,) = temporal("state", cheap, "-o", "json").document["queryResult"]
    assert state["status"] == "needs_attention"
    assert [line["step"] for line in state["history"] if line["status"] == "parked"] == ["charge"]
    (plan,) = temporal("plan", cheap, "-o", "json").document["queryResult"]
    assert ([step["step"] for step in plan["steps"]], plan["amount"]) == (["charge"], 4970)
    assert plan["cancellable"] is False
    assert "AmountAtRisk" in temporal("describe", cheap).out


def test_a_repeated_retry_is_one_decision(starter: Starter, system: Environment, temporal: Temporal) -> None:
    order_id = park(starter, system)
    allow_refund(system, order_id)

    first, second = temporal("retry", order_id), temporal("retry", order_id)

    assert (first.code, second.code) == (0, 0), (first, second)
    until_status(starter, order_id, "cancelled")
    assert [each["verb"] for each in starter("history", order_id, "--json").document["decisions"]] == ["retry"]


def test_skip_and_waive_end_the_order(starter: Starter, system: Environment, temporal: Temporal) -> None:
    skipped, waived = park(starter, system), park(starter, system)

    bare = temporal("retry", skipped, instead=('"retry"', '"skip"'))
    answers = [
        temporal("retry", skipped, instead=deciding("skip")),
        temporal("retry", waived, instead=deciding("waive")),
    ]

    assert bare.code == 1
    assert "skip needs evidence that the effect was settled by hand (type: NotResolvable" in bare.err
    assert [answer.code for answer in answers] == [0, 0], answers
    until_status(starter, skipped, "cancelled")
    until_status(starter, waived, "failed")


def test_edit_sends_the_changed_request(starter: Starter, system: Environment, temporal: Temporal) -> None:
    order_id = park_completion(starter, system)
    allow_completion(system, order_id)

    retry, edit = deciding("edit")
    answer = temporal("retry", order_id, instead=(f'"step": "charge", {retry}', f'"step": "complete", {edit}'))

    assert answer.code == 0, answer.err
    until_status(starter, order_id, "completed")
    assert sql(system, "select reason from orders.orders where order_id = %s", order_id) == [("by hand",)]


@pytest.mark.parametrize("how", ["cancel order", "cancel"])
def test_both_cancels_undo_the_order(how: str, starter: Starter, temporal: Temporal) -> None:
    order_id = new_id()
    held_by_the_carrier(starter, order_id)

    answer = temporal(how, order_id)

    assert answer.code == 0, answer.err
    until_status(starter, order_id, "cancelled")
    state = starter("status", order_id, "--json").document["state"]
    assert [s["step"] for s in state["history"] if s["direction"] == "undo"] == ["ship", "charge", "reserve"]


def test_a_terminated_order_is_listed_and_resumed_by_a_reset(
    starter: Starter, system: Environment, temporal: Temporal
) -> None:
    order_id = new_id()
    held_by_the_carrier(starter, order_id)
    terminated = run_documented(system, f"temporal workflow terminate --workflow-id order-{order_id}")
    assert terminated.code == 0, terminated.err
    until(lambda: f"order-{order_id}" in listed(temporal("terminated", order_id, "-o", "json")))
    assert charges(system, order_id) == [("charge", 1)]

    answer = temporal("reset", order_id)

    assert answer.code == 0, answer.err
    until_status(starter, order_id, "compensated")
    assert charges(system, order_id) == [("charge", 1), ("refund", 1)]


def charges(system: Environment, order_id: str) -> list[Any]:
    """Return the kinds of an order's ledger entries, with their counts."""
    statement = "select kind, count(*) from payments.ledger where order_id = %s group by kind order by kind"
    return sql(system, statement, order_id)


def test_the_task_queue_lists_its_pollers(temporal: Temporal) -> None:
    answer = temporal("task queue")

    assert answer.code == 0, answer.err
    assert "Pollers:" in answer.out
    assert "workflow" in answer.out.partition("Pollers:")[2]


def test_a_mistyped_command_changes_nothing_and_names_the_field(
    starter: Starter, system: Environment, temporal: Temporal
) -> None:
    order_id = park(starter, system)

    answer = temporal("retry", order_id, instead=('"verb"', '"werb"'))

    assert answer.code == 1
    assert "verb\n  Field required" in answer.err
    assert starter("status", order_id, "--json").document["status"] == "needs_attention"
    assert json.loads(starter("history", order_id, "--json").out)["decisions"] == []
