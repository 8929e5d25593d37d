"""`place --within SECONDS`: placed and answered in one call, with the outcome or with where the order is."""

import pytest

from tests.cli.conftest import Ran, Starter, as_bytes, order_document
from tests.cli.operate.parking import new_id, paying_with, until_status

pytestmark = pytest.mark.server


def within(starter: Starter, seconds: str, order_id: str, *options: str, token: str = "tok_ok") -> Ran:
    document = as_bytes(order_document(order_id, **paying_with(token)))
    return starter("place", "-", "--json", "--within", seconds, *options, stdin=document)


@pytest.mark.parametrize("option", ["--express", "--no-express"])
def test_an_order_that_ends_in_time_is_answered_with_its_outcome(starter: Starter, option: str) -> None:
    ran = within(starter, "20", new_id(), option)

    assert ran.code == 0, ran.err
    assert ran.document["status"] == "completed"
    assert ran.document["tracking"]


def test_an_order_that_goes_back_in_time_did_not_complete(starter: Starter) -> None:
    ran = within(starter, "20", new_id(), token="tok_declined")

    assert ran.code == 3
    assert (ran.document["status"], ran.document["failed_step"]) == ("compensated", "charge")


def test_an_order_that_takes_longer_is_accepted_and_goes_on(starter: Starter) -> None:
    order_id = new_id()

    ran = within(starter, "0.2", order_id, token="tok_flaky_2")

    assert ran.code == 0, ran.err
    assert ran.document["status"] == "running"
    assert until_status(starter, order_id, "completed")


def test_the_same_order_again_has_the_same_outcome_whether_it_runs_or_has_ended(starter: Starter) -> None:
    order_id = new_id()
    first = within(starter, "0.2", order_id, token="tok_flaky_2")
    second = within(starter, "20", order_id, token="tok_flaky_2")

    third = within(starter, "20", order_id, token="tok_flaky_2")

    assert [ran.document["status"] for ran in (first, second, third)] == ["running", "completed", "completed"]
    assert third.document["tracking"] == second.document["tracking"]
    assert third.document["placed_before"] is True
    activities = starter("history", order_id, "--json").document["activities"]
    assert [each["activity"] for each in activities].count("charge_payment") == 1


@pytest.mark.parametrize("options", [("--within", "0"), ("--within", "21"), ("--within", "soon"), ("--within", "nan")])
def test_a_patience_that_can_not_be_is_refused(starter: Starter, options: tuple[str, str]) -> None:
    ran = starter("place", "-", *options, stdin=as_bytes(order_document(new_id())))

    assert ran.code == 2
    assert "--within" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("option", ["--express", "--within=1"])
def test_a_choreographed_order_has_no_workflow_to_ask_that_of(starter: Starter, option: str) -> None:
    ran = starter("place", "-", "--style", "choreographed", option, stdin=as_bytes(order_document(new_id())))

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"error: {option.partition('=')[0]}: a choreographed order has no workflow")
