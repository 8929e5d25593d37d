"""`resolve-all`: one decision on the parked steps that a filter selects; `resolve` says what came of a decision."""

from collections.abc import AsyncIterator
from functools import partial

import pytest

from runtime.embedded.stack import Stack
from tests.cli.conftest import Starter, run_here, running_system
from tests.cli.operate.parking import allow_refund, park, sql, until
from tests.systems import Environment

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
async def system(servers: Stack) -> AsyncIterator[Environment]:
    """Yield a system of this file alone: a filter selects the parked steps of a whole namespace."""
    async with running_system(servers) as environment:
        yield environment


@pytest.fixture(scope="module")
def starter(system: Environment) -> Starter:
    """Return a function that runs a command on that system."""
    return partial(run_here, system)


RETRY = ("resolve-all", "retry", "--step", "charge", "--reason", "the bank is back")


def listed(starter: Starter, *orders: str) -> bool:
    """Return whether all these orders are selected."""
    ran = starter(*RETRY, "--dry-run", "--json")
    assert ran.code == 0, ran.err
    return {f"order-{order}" for order in orders} <= {each["process_id"] for each in ran.document["selected"]}


def test_one_decision_resolves_all_and_stops_when_the_failure_comes_back(starter: Starter, system: Environment) -> None:
    cheap, other = park(starter, system), park(starter, system)
    costly = park(starter, system, lines=[{"sku": "SKU-1", "quantity": 9}])
    until(lambda: listed(starter, cheap, other, costly))

    shown = starter(*RETRY, "--dry-run")
    assert "3 parked steps are selected · " in shown.out
    assert shown.out.splitlines()[0].startswith(f"order-{costly} · charge (undo) · ")

    nothing = starter(*RETRY, "--failure-contains", "no such failure", "--json")
    assert (nothing.code, nothing.document["resolutions"]) == (0, [])

    hopeless = starter(*RETRY, "--json")
    effects = [each["effect"] for each in hopeless.document["resolutions"]]
    assert (hopeless.code, effects) == (3, ["came_back", "not_tried", "not_tried"]), hopeless
    assert hopeless.document["resolutions"][0]["process_id"] == f"order-{costly}"
    assert "1 of 3: " in hopeless.err

    again = starter("resolve", cheap, "charge", "retry", "--reason", "try", "--json")
    assert (again.code, again.document["status"], again.document["in_progress"]) == (0, "needs_attention", False)
    assert again.document["reason"]

    for order in (cheap, other, costly):
        allow_refund(system, order)
    resolved = starter("resolve", cheap, "charge", "retry", "--reason", "fixed")
    assert (resolved.code, resolved.out) == (0, f"order {cheap}: retry charge accepted, now cancelled\n")
    one = starter(*RETRY, "--limit", "1", "--json")
    assert [each["process_id"] for each in one.document["resolutions"]] == [f"order-{costly}"]
    assert one.document["resolutions"][0]["status"] == "cancelled"
    assert one.document["not_selected"] == {"beyond_limit": 1, "unread": []}
    assert "1 more parked steps are not selected; raise --limit" in one.err
    rest = starter(*RETRY)
    assert (rest.code, rest.out) == (0, "1 resolved\n"), rest


def test_effects_are_left_open_only_for_the_confirmed_number(starter: Starter, system: Environment) -> None:
    order = park(starter, system)
    until(lambda: listed(starter, order))
    waive = ("resolve-all", "waive", "--step", "charge", "--reason", "written off")

    assert starter(*waive).code == 2
    assert starter("resolve-all", "skip", "--step", "charge", "--reason", "settled").code == 2
    assert starter("resolve-all", "edit", "--step", "charge", "--reason", "r").code == 2
    wrong = starter(*waive, "--confirm", "7")
    assert (wrong.code, "is 7, but 1 steps are selected now" in wrong.err) == (2, True)
    done = starter(*waive, "--confirm", "1", "--json")
    assert (done.code, done.document["resolutions"][0]["status"]) == (0, "failed")
    assert sql(system, "select status from orders.orders where order_id = %s", order) == [("failed",)]


def test_without_a_wait_the_answer_says_that_it_is_in_progress(starter: Starter, system: Environment) -> None:
    order = park(starter, system)
    allow_refund(system, order)

    ran = starter("resolve", order, "charge", "retry", "--reason", "fixed", "--wait", "0")

    assert ran.code == 0
    assert "now needs_attention" not in ran.out
    until(lambda: starter("status", order, "--json").document["status"] == "cancelled")
