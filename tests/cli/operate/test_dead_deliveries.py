"""A delivery of a choreographed order that failed is in the operators' dead letter channel, and moves from there."""

from typing import Any

import pytest

from tests.cli.conftest import Starter, as_bytes, order_document
from tests.cli.operate.parking import new_id, sql, until, until_status
from tests.systems import Environment

pytestmark = pytest.mark.server
UNREADABLE = """
create or replace function inventory.unreadable() returns trigger language plpgsql as $$
begin new.version := 99; return new; end $$;
create trigger unreadable before insert on inventory.outbox
  for each row when (new.type = 'StockReserved' and starts_with(new.process_id, 'unreadable-'))
  execute function inventory.unreadable();
"""


@pytest.fixture(scope="module")
def unreadable(system: Environment) -> None:
    """A version that no service of the `unreadable-` orders can read yet."""
    sql(system, UNREADABLE)


@pytest.fixture
def dead(starter: Starter, system: Environment, unreadable: None) -> tuple[str, int]:
    """A choreographed order, and the number of its dead letter."""
    order_id = new_id("unreadable")
    document = as_bytes(order_document(order_id))
    placed = starter("place", "-", "--style", "choreographed", "--no-wait", "--json", stdin=document)
    assert placed.code == 0, placed.err
    return order_id, until(lambda: letter_of(starter, order_id))


def letter_of(starter: Starter, order_id: str) -> int | None:
    """Return the number of the letter that `deadletters list` and `show` have of an order."""
    for group in starter("deadletters", "list", "--json").document["groups"]:
        for number in group["letters"]:
            if letter(starter, number)["process_id"] == f"order-{order_id}":
                return int(number)
    return None


def letter(starter: Starter, number: int) -> dict[str, Any]:
    shown: dict[str, Any] = starter("deadletters", "show", str(number), "--json").document
    return shown


def test_it_is_listed_shown_and_named_as_the_cause(starter: Starter, dead: tuple[str, int]) -> None:
    order_id, number = dead

    shown = letter(starter, number)
    stuck = starter("stuck", "--older-than", "0s", "--json").document["stuck"]

    assert (shown["channel"], shown["place"], shown["status"]) == ("deliveries", "StockReserved → payments", "open")
    assert order_id in shown["original"]
    (found,) = [each for each in stuck if each["process_id"] == f"order-{order_id}"]
    assert found["cause"] == "dead_letter"
    assert found["help"] == f"python starter.py deadletters redrive {number} --reason 'cause fixed'"


def test_redriven_once_it_can_be_read_the_order_completes(
    starter: Starter, system: Environment, dead: tuple[str, int]
) -> None:
    order_id, number = dead
    redrive = ("deadletters", "redrive", str(number), "--reason", "deployed", "--actor", "ann")

    assert starter(*redrive).code == 3  # nothing has changed yet
    sql(system, "update inventory.outbox set version = 1 where process_id = %s", order_id)
    redriven = starter(*redrive)

    assert redriven.code == 0, redriven.err
    until_status(starter, order_id, "completed")
    assert letter(starter, number)["status"] == "redriven"


def test_discarded_the_order_is_turned_back(starter: Starter, system: Environment, dead: tuple[str, int]) -> None:
    order_id, number = dead

    discarded = starter("deadletters", "discard", str(number), "--reason", "never", "--actor", "ann")

    assert discarded.code == 0, discarded.err
    assert letter(starter, number)["status"] == "discarded"
    due = "update trace.processes set due_at = now() - interval '1 second' where process_id = %s"
    sql(system, due, order_id)
    until_status(starter, order_id, "compensated")
